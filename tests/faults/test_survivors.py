"""What no other test noticed when a fault was planted."""

from dataclasses import replace

import pytest
import torch

import sparring
from sparring.attacks import PGD, SquareL1, SquareL2
from sparring.attacks.suites import Stage
from sparring.engine import search
from sparring.tensors import take
from sparring.testing import half_space
from sparring.threat import L1, L2, Linf
from tests.known import task_of


def test_an_l2_projection_spends_the_budget_however_many_walls_it_meets():
    """Walls that are met one after the other take the projection many rounds."""
    inputs = 1 - torch.linspace(0.04, 0.8, 20)[None]
    for share in (0.3, 0.6, 0.9):
        eps = share * float((1 - inputs).norm())
        threat = task_of(inputs, torch.tensor([0]), L2(eps)).threat
        moved = threat.project(inputs + 10, inputs)
        assert float((moved - inputs).norm()) == pytest.approx(eps, rel=1e-5)


def test_squares_first_l2_change_is_as_long_in_every_cell_and_channel():
    """Five by five cells of two by two pixels, and nothing between them."""
    inputs = torch.full((4, 3, 11, 11), 0.5)
    task = task_of(inputs, torch.zeros(4, dtype=torch.int64), L2(1.0))
    change = SquareL2().start(task).point - inputs
    assert not bool(change[:, :, 10].any()) and not bool(change[..., 10].any())
    cells = change[:, :, :10, :10].unflatten(3, (5, 2)).unflatten(2, (5, 2)).square().sum((3, 5)).sqrt()
    assert torch.allclose(cells, torch.tensor(1 / (5 * 3**0.5)), atol=1e-6)


@pytest.mark.parametrize(
    ("attack", "threat", "ratio"), [(SquareL2(), L2(1.0), 5), (SquareL1(), L1(80.0), 17)]
)
def test_squares_hills_are_as_steep_as_the_norm_asks(attack, threat, ratio):
    """In cells of three by three pixels a hill is `1 + 1 / 2^m` high in the middle and `1 / 2^m` around it."""
    inputs = torch.full((1, 3, 15, 15), 0.5)
    change = attack.start(task_of(inputs, torch.tensor([0]), threat)).point - inputs
    cells = change.abs().unflatten(3, (5, 3)).unflatten(2, (5, 3))
    assert torch.allclose(cells.amax((3, 5)) / cells.amin((3, 5)), torch.tensor(float(ratio)), rtol=1e-3)


def test_an_error_counts_whatever_the_aim():
    """Rows begin where they are broken, and aim at a class that nothing reaches."""
    problem = half_space(Linf(0.05))
    broken = search(problem.model, problem.task, PGD(20))
    task = replace(problem.task, begin=broken.adversarial, aim=torch.full_like(problem.task.goal.labels, 2))
    found = search(problem.model, take(task, broken.success), PGD(1))
    assert int(broken.success.sum()) == 12
    assert bool(found.success.all())


def test_every_restart_draws_anew():
    """A start point is random: where two restarts see the same margin, they began at the same point."""
    problem = half_space(Linf(0.05))
    robust = take(problem.task, ~problem.breakable)
    suite = (Stage("once", PGD(1, step_size=0.0), restarts=3),)
    run = sparring.audit(problem.model, (robust.inputs, robust.goal.labels), Linf(0.05), suite)
    margins = run.attempts["margin"].to_pylist()
    assert len(margins) == len(set(margins)) == 3 * len(robust)


def test_a_batch_that_does_not_fit_is_halved_once():
    """16 rows, and a model that holds 8: the second look is the first that fits."""
    problem = half_space(Linf(0.05), rows=16)
    refused = []

    def small(points):
        if len(points) > 8:
            refused.append(len(points))
            raise MemoryError
        return problem.model(points)

    search(small, problem.task, PGD(3), retire="never")
    assert refused == [16]
