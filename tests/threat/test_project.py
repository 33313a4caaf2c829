"""Projections: inside, nearest, and the identity where nothing is to be done."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparring.domain import Domain
from sparring.threat import L1, L2, Grid, Linf
from tests.threat.cases import EUCLIDEAN_BALLS, NORMS, Drawn, drawn, draws, exact_distance, exact_projection

every_norm = pytest.mark.parametrize("norm", NORMS)
few = settings(max_examples=40)


def in_box(case: Drawn, points: torch.Tensor) -> bool:
    """In the range of the data, exactly."""
    return bool(case.domain.contains(points).all())


@every_norm
@few
@given(data=st.data())
def test_lands_inside(norm, data):
    case = data.draw(drawn(norm))
    landed = case.threat.project(case.points, case.inputs)
    assert in_box(case, landed)
    assert bool(case.threat.contains(landed, case.inputs).all())
    eps = torch.as_tensor(case.threat.eps, dtype=torch.float64)
    if norm == "linf":
        past = (landed.double() - case.inputs.double()).abs() - eps
        ulp = torch.finfo(torch.float32).eps * case.size
        assert float(past.max()) <= ulp / 2, "more than half an ulp outside"
    else:
        slack = 0 if norm.startswith("l0") else 2e-6 * case.size * landed[0].numel() ** 0.5
        assert bool((exact_distance(case, landed) <= eps.reshape(-1) + slack).all())


@every_norm
@few
@given(data=st.data())
def test_is_the_nearest_point(norm, data):
    small = {"shape": (2, 2, 2)} if norm == "l0px" else {"shape": (6,)} if norm == "l0" else {}
    case = data.draw(drawn(norm, **small))
    landed, exact = case.threat.project(case.points, case.inputs).double(), exact_projection(case)
    away, least = ((each - case.points.double()).flatten(1).norm(dim=1) for each in (landed, exact))
    tolerance = 3e-6 * case.scale * landed[0].numel() ** 0.5
    assert bool((away <= least + tolerance).all())
    if norm in EUCLIDEAN_BALLS:  # convex: there is one nearest point
        assert torch.allclose(landed, exact, atol=tolerance, rtol=0)


@pytest.mark.parametrize("norm", EUCLIDEAN_BALLS)
@few
@given(data=st.data())
def test_no_allowed_point_lies_on_the_far_side(norm, data):
    """The rule that only the nearest point of a convex set obeys: <p - landed, z - landed> <= 0 for all z in it."""
    case = data.draw(drawn(norm, masked="no"))
    landed = case.threat.project(case.points, case.inputs).double()
    for seed in range(5):
        other = case.threat.sample(case.inputs, draws(len(case.inputs), seed)).double()
        slope = ((case.points.double() - landed) * (other - landed)).flatten(1).sum(1)
        assert bool((slope <= 1e-5 * case.scale**2 * landed[0].numel()).all())


@every_norm
@few
@given(data=st.data())
def test_is_the_identity_inside(norm, data):
    case = data.draw(drawn(norm))
    inside = case.threat.sample(case.inputs, draws(len(case.inputs)))
    if norm in EUCLIDEAN_BALLS:
        inside = case.threat.box.clip(case.inputs + 0.9 * (inside - case.inputs))
    assert torch.equal(case.threat.project(inside, case.inputs), inside)
    assert torch.equal(case.threat.project(case.inputs, case.inputs), case.inputs)


@every_norm
@few
@given(data=st.data())
def test_twice_is_once(norm, data):
    case = data.draw(drawn(norm))
    once = case.threat.project(case.points, case.inputs)
    twice = case.threat.project(once, case.inputs)
    exact = norm in ("linf", "l0", "l0px")
    assert torch.equal(twice, once) if exact else torch.allclose(twice, once, atol=1e-6 * case.size, rtol=0)


@every_norm
@few
@given(data=st.data())
def test_leaves_masked_coordinates_alone(norm, data):
    case = data.draw(drawn(norm, masked="per row"))
    landed = case.threat.project(case.points, case.inputs)
    assert torch.equal(landed[~case.threat.mask], case.inputs[~case.threat.mask])


@every_norm
@few
@given(data=st.data())
def test_rows_do_not_know_of_each_other(norm, data):
    case = data.draw(drawn(norm, rows=5))
    together = case.threat.project(case.points, case.inputs)
    for row in range(5):
        alone = Drawn(case.threat, case.inputs[row : row + 1], case.points[row : row + 1], case.domain)
        threat = NORMS[norm](_row(case.threat.eps, row), mask=_row(case.threat.mask, row))
        landed = threat.bind(alone.inputs, case.domain).project(alone.points, alone.inputs)
        assert torch.equal(landed[0], together[row])


def _row(values, row):
    return values[row : row + 1] if isinstance(values, torch.Tensor) and values.ndim else values


@pytest.mark.parametrize("norm", EUCLIDEAN_BALLS)
@pytest.mark.parametrize("far", [1e4, 1e6, 1e9])
def test_huge_changes_still_land_inside_and_spend_the_budget(norm, far):
    inputs = torch.full((1, 40), 0.5)
    points = inputs + far * torch.randn(1, 40)
    threat = NORMS[norm](0.4).bind(inputs, Domain(0.0, 1.0, None, (40,)))
    landed = threat.project(points, inputs)
    assert bool(threat.contains(landed, inputs).all())
    lost = 1e-6 * far if norm == "l1" else 0.0  # a threshold among huge numbers is no finer than they are
    assert float(threat.distance(landed, inputs)) >= 0.4 - 1e-5 - lost


@pytest.mark.parametrize("norm", EUCLIDEAN_BALLS)
def test_float64_is_projected_in_float64(norm):
    inputs = torch.full((3, 50), 0.5, dtype=torch.float64)
    points = inputs + torch.randn(3, 50, dtype=torch.float64)
    threat = NORMS[norm](0.7 if norm != "linf" else 0.1).bind(inputs, Domain(0.0, 1.0, None, (50,)))
    landed = threat.project(points, inputs)
    assert landed.dtype is torch.float64
    exact = exact_projection(Drawn(threat, inputs, points, Domain(0.0, 1.0, None, (50,))))
    assert torch.allclose(landed, exact, atol=1e-12 if norm != "l1" else 1e-6)


def test_small_changes_are_not_stretched_to_the_sphere():
    inputs = torch.full((1, 10), 0.5)
    inside = inputs + 0.02
    for threat in (L2(0.5), L1(0.5), Linf(0.5)):
        assert torch.equal(threat.project(inside, inputs), inside)


def test_l0_keeps_the_largest_of_many_changes():
    inputs = torch.full((4, 64), 0.5)
    points = inputs + 0.4 * torch.rand(4, 64, generator=torch.Generator().manual_seed(0))
    threat = NORMS["l0"](3.0).bind(inputs, Domain(0.0, 1.0, None, (64,)))
    ranks = points.argsort(1, descending=True).argsort(1)
    landed = replace(threat, eps=torch.arange(4.0)).project(points, inputs)
    assert torch.equal(landed, torch.where(ranks < torch.arange(4)[:, None], points, inputs))


def test_l0_keeps_the_first_of_equal_changes():
    inputs = torch.full((2, 6), 0.5)
    points = inputs + torch.tensor([[0.2, 0.2, -0.2, 0.2, 0.0, 0.0], [0.1, 0.1, 0.4, 0.1, 0.1, 0.0]])
    threat = NORMS["l0"](2.0).bind(inputs, Domain(0.0, 1.0, None, (6,)))
    kept = (threat.project(points, inputs) != inputs).tolist()
    assert kept == [[True, True, False, False, False, False], [True, False, True, False, False, False]]


def test_l1_is_not_projected_by_rescaling():
    inputs = torch.full((1, 3), 0.5)
    landed = L1(0.2).project(inputs + torch.tensor([[0.3, 0.1, 0.01]]), inputs)
    assert torch.allclose(landed - inputs, torch.tensor([[0.2, 0.0, 0.0]]), atol=1e-6)


LATTICE = {
    "linf": Linf(8 / 255),
    "tight": Linf(7.6 / 255),
    "l2": L2(0.11),
    "l1": L1(0.3),
    "l0": NORMS["l0"](3.0),
}


@pytest.mark.parametrize("norm", LATTICE)
@settings(max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_grid_points_are_grey_levels_inside_the_set(norm, seed):
    generator = torch.Generator().manual_seed(seed)
    inputs = (torch.rand(3, 1, 4, 4, generator=generator) * 255).round() / 255
    threat = Grid(LATTICE[norm]).bind(inputs, Domain(0.0, 1.0, 1 / 255, (1, 4, 4)))
    wished = inputs + 0.05 * torch.randn(inputs.shape, generator=generator)
    shown = threat.render(threat.project(wished, inputs), inputs)
    assert torch.equal((shown * 255).round() / 255, shown), "not a grey level"
    assert bool(threat.contains(shown, inputs).all()), "rounding left the ball"
    assert bool(((shown >= 0) & (shown <= 1)).all())
    assert torch.equal(threat.render(shown, inputs), shown)
    if norm == "tight":
        assert float((shown - inputs).abs().max()) < 7.5 / 255


def test_grid_takes_the_nearest_grey_level_where_that_is_allowed():
    inputs = torch.tensor([[100.0, 100, 100, 100]]) / 255
    points = inputs + torch.tensor([[0.4, 0.6, -0.4, -0.6]]) / 255
    shown = Grid(Linf(2 / 255)).render(points, inputs)
    assert (shown * 255).round().tolist() == [[100, 101, 100, 99]]
    inward = Grid(Linf(0.7 / 255)).render(points, inputs)
    assert (inward * 255).round().tolist() == [[100, 100, 100, 100]]
