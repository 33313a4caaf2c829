"""The steepest direction has length one and rises as fast as the norm allows."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparring.threat import L0, L1, L2, Linf
from sparring.threat.box import Box
from sparring.threat.l1 import sparse_signs
from sparring.threat.l2 import unit
from tests.threat.cases import NORMS, drawn

every_norm = pytest.mark.parametrize("norm", NORMS)
few = settings(max_examples=40)


def rise(gradient, direction):
    """<g, d> in float64, `(B,)`."""
    return (gradient.double() * direction.double()).flatten(1).sum(1)


@few
@given(data=st.data())
def test_linf_rises_by_the_l1_length_of_the_gradient(data):
    case = data.draw(drawn("linf", masked="no"))
    gradient = case.points - case.inputs
    direction = case.threat.steepest(gradient, case.inputs)
    assert torch.allclose(rise(gradient, direction), gradient.double().flatten(1).abs().sum(1), rtol=1e-6)
    assert bool((direction.flatten(1).abs().amax(1) == (gradient != 0).flatten(1).any(1)).all())


@few
@given(data=st.data())
def test_l2_rises_by_the_l2_length_of_the_gradient(data):
    case = data.draw(drawn("l2", masked="no"))
    gradient = case.points - case.inputs
    direction = case.threat.steepest(gradient, case.inputs)
    assert torch.allclose(rise(gradient, direction), gradient.double().flatten(1).norm(dim=1), rtol=1e-5)
    length = direction.double().flatten(1).norm(dim=1)
    assert torch.allclose(length, (gradient != 0).flatten(1).any(1).double(), atol=1e-6)


def test_l1_moves_the_largest_gradients_that_have_room():
    points = torch.tensor([[0.5, 1.0, 0.5, 0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]])
    gradient = torch.tensor([[1.0, 9.0, -3.0, -8.0, 2.0, 0.1, 0.1, 0.1, 0.1, 0.1]])
    direction = L1(0.5, share=0.2).steepest(gradient, points)
    assert direction.tolist() == [[0, 0, -0.5, 0, 0.5, 0, 0, 0, 0, 0]]  # 9 and -8 point out of the box
    alone = L1(0.5, share=0.01).steepest(gradient, points)
    assert alone.nonzero().tolist() == [[0, 2]]
    assert float(alone.abs().sum()) == 1


@pytest.mark.parametrize(
    ("share", "moved"), [(0.0, 1), (0.01, 1), (0.1, 1), (0.11, 2), (0.25, 3), (0.5, 5), (1.0, 10)]
)
def test_sparse_signs_take_their_share_of_coordinates(share, moved):
    gradient = torch.arange(1.0, 11)[None] * torch.tensor([[1.0, -1] * 5])
    signs = sparse_signs(gradient, torch.tensor([share]))
    assert int((signs != 0).sum()) == moved
    assert torch.equal(signs.nonzero()[:, 1], torch.arange(10 - moved, 10))
    assert float(signs.abs().sum()) == pytest.approx(1)
    assert torch.equal(signs.sign(), torch.where(signs != 0, gradient.sign(), 0))


@pytest.mark.parametrize("pixels", [False, True], ids=["coordinates", "pixels"])
def test_l0_moves_as_many_as_the_budget_allows(pixels):
    gradient = torch.randn(4, 3, 5, 5)
    points = torch.full_like(gradient, 0.5)
    direction = L0(6.0, pixels=pixels).steepest(gradient, points)
    assert set(direction.unique().tolist()) == {-1.0, 0.0, 1.0}
    counted = (direction != 0).any(1).flatten(1) if pixels else (direction != 0).flatten(1)
    assert counted.sum(1).tolist() == [6] * 4
    weight = gradient.abs().sum(1).flatten(1) if pixels else gradient.abs().flatten(1)
    assert bool(
        (weight.masked_fill(~counted, torch.inf).amin(1) >= weight.masked_fill(counted, 0).amax(1)).all()
    )


@every_norm
def test_zero_gradients_give_zero(norm):
    inputs = torch.rand(3, 2, 3, 3)
    direction = NORMS[norm](0.5 if not norm.startswith("l0") else 2.0).steepest(
        torch.zeros_like(inputs), inputs
    )
    assert int(direction.count_nonzero()) == 0


@every_norm
def test_one_zero_row_among_others(norm):
    gradient = torch.randn(3, 2, 3, 3)
    gradient[1] = 0
    direction = NORMS[norm](2.0).steepest(gradient, torch.full_like(gradient, 0.5))
    assert (direction != 0).flatten(1).any(1).tolist() == [True, False, True]
    assert bool(direction.isfinite().all())


@every_norm
@few
@given(data=st.data())
def test_masked_coordinates_do_not_move(norm, data):
    case = data.draw(drawn(norm, masked="per row"))
    direction = case.threat.steepest(case.points - case.inputs, case.inputs)
    assert not bool(direction[~case.threat.mask].any())


@pytest.mark.parametrize("size", [1e-44, 1e-38, 1e-20, 1.0, 1e20, 8e37])
def test_tiny_and_huge_gradients_keep_their_direction(size):
    gradient = torch.tensor([[3.0, -4.0, 0.0]]) * size
    direction = unit(gradient)
    assert float(direction.norm()) == pytest.approx(1, abs=1e-6)
    assert direction.sign().tolist() == [[1, -1, 0]]
    assert Linf(0.1).steepest(gradient, gradient).tolist() == [[1, -1, 0]]
    assert L1(0.1, share=1.0, box=Box(-torch.inf, torch.inf)).steepest(gradient, gradient).tolist() == [
        [0.5, -0.5, 0]
    ]
    assert float(L2(0.1).steepest(gradient, gradient).norm()) == pytest.approx(1, abs=1e-6)
