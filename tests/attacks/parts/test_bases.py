"""Bases: orthonormal, low frequencies first, each row in an order of its own."""

import pytest
import torch

from sparring.attacks.parts.bases import basis_of
from sparring.tensors import take
from sparring.threat import L2
from tests.known import task_of

SHAPE = (3, 5, 4)


def _task(shape=SHAPE, rows=4):
    return task_of(torch.rand(rows, *shape), torch.zeros(rows, dtype=torch.int64), L2(0.5))


@pytest.mark.parametrize("kind", ["values", "waves"])
@pytest.mark.parametrize("shape", [SHAPE, (7,), (1, 6, 6)])
def test_a_basis_is_orthonormal_and_mixes_its_vectors(kind, shape):
    task, count = _task(shape), int(torch.tensor(shape).prod())
    basis = basis_of(task, kind)
    vectors = basis.vectors(torch.arange(count).expand(4, -1)).flatten(2)
    assert torch.allclose(vectors[0] @ vectors[0].T, torch.eye(count), atol=1e-5)
    weights = torch.rand(4, count)
    mixed = basis.mixed(weights).flatten(1)
    assert torch.allclose(mixed, (weights[:, :, None] * vectors).sum(1), atol=1e-5)
    assert torch.allclose(basis.coefficients(mixed.reshape(4, *shape)), weights, atol=1e-5)


def test_waves_come_by_frequency_and_grey_before_colour():
    task = _task((3, 16, 16))
    basis = basis_of(task, "waves")
    order = basis.order(task, 3 * 16 * 16)
    assert torch.equal(order.sort(1).values, torch.arange(3 * 16 * 16).expand(4, -1)), "each vector once"
    waves = basis.vectors(order)
    rough = (waves.diff(dim=3).square().sum((2, 3, 4)) + waves.diff(dim=4).square().sum((2, 3, 4))).mean(0)
    assert rough[:50].mean() < 0.2 * rough[-50:].mean()
    grey = (waves - waves.mean(2, keepdim=True)).abs().amax((2, 3, 4)) < 1e-5
    assert grey[:, :20].double().mean() > 0.5 > 0.3 > grey[:, -100:].double().mean()


def test_an_order_depends_on_its_sample_alone():
    task = _task()
    order = basis_of(task, "waves").order(task, 20)
    assert not torch.equal(order[0], order[1])
    few = take(task, torch.tensor([2]))
    assert torch.equal(order[2:3], basis_of(few, "waves").order(few, 20))
    assert torch.equal(order[:, :5], basis_of(task, "waves").order(task, 5))


def test_a_list_of_numbers_has_no_waves():
    task = _task((6,))
    assert torch.equal(basis_of(task, "waves").width, torch.eye(6))
