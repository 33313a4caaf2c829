"""Which points are allowed: just inside and just outside the stated tolerance of a millionth."""

import pytest
import torch

from sparring.domain import Domain
from sparring.threat import L0, L1, L2, Grid, Linf

GREY = torch.full((1, 1, 2, 2), 0.5)
UNIT = Domain(0.0, 1.0, None, (1, 2, 2))


def moved(amount, place=(0, 0, 0, 0), start=GREY):
    points = start.double().clone()
    points[place] += amount
    return points


@pytest.mark.parametrize(
    ("beyond", "inside"), [(-1e-6, True), (0.0, True), (0.8e-6, True), (1.5e-6, False), (1e-3, False)]
)
@pytest.mark.parametrize("threat", [Linf(0.1), L2(0.1), Grid(Linf(0.1))], ids=["linf", "l2", "grid"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_millionth_is_rounding(threat, beyond, inside, sign):
    bound = threat.bind(GREY.double(), UNIT)
    assert bound.contains(moved(sign * (0.1 + beyond)), GREY.double()).tolist() == [inside]


@pytest.mark.parametrize(("beyond", "inside"), [(0.0, True), (8e-6, True), (1.5e-5, False)])
def test_l1_may_round_in_every_coordinate(beyond, inside):
    assert L1(0.1).bind(GREY.double(), UNIT).contains(moved(0.1 + beyond), GREY.double()).tolist() == [inside]


@pytest.mark.parametrize(("beyond", "inside"), [(2e-4, True), (4e-4, False)])
def test_the_tolerance_grows_with_the_data(beyond, inside):
    start = torch.full((1, 1, 2, 2), 100.0, dtype=torch.float64)
    threat = Linf(8.0).bind(start, Domain(0.0, 255.0, 1.0, (1, 2, 2)))
    assert threat.contains(moved(8 + beyond, start=start), start).tolist() == [inside]


@pytest.mark.parametrize(("beyond", "inside"), [(5e-10, True), (5e-8, False)])
def test_the_tolerance_shrinks_with_the_data(beyond, inside):
    start = torch.full((1, 1, 2, 2), 5e-4, dtype=torch.float64)
    threat = Linf(1e-5).bind(start, Domain(0.0, 1e-3, None, (1, 2, 2)))
    assert threat.contains(moved(1e-5 + beyond, start=start), start).tolist() == [inside]


@pytest.mark.parametrize("threat", [Linf(0.5), L2(0.5), L1(0.5), L0(1.0)], ids=["linf", "l2", "l1", "l0"])
@pytest.mark.parametrize("value", [1.00001, -0.00001, torch.nan, torch.inf, -torch.inf])
def test_outside_the_range_of_the_data(threat, value):
    start = torch.full((1, 1, 2, 2), 0.9 if value > 0.5 else 0.1)
    points = start.clone()
    points[0, 0, 1, 1] = value
    assert threat.bind(start, UNIT).contains(points, start).tolist() == [False]


def test_bounds_per_coordinate():
    low, high = torch.tensor([0.0, -10.0]), torch.tensor([1.0, 10.0])
    start = torch.tensor([[0.9, 9.0]])
    threat = Linf(1.0).bind(start, Domain(low, high, None, (2,)))
    assert threat.contains(torch.tensor([[0.9, 9.9]]), start).tolist() == [True]
    assert threat.contains(torch.tensor([[1.1, 9.9]]), start).tolist() == [False]


def test_l0_counts_what_differs_at_all():
    start = torch.full((1, 3, 2, 2), 0.5)
    one_pixel = start.clone()
    one_pixel[0, :, 0, 0] += 1e-7
    assert L0(2.0).distance(one_pixel, start).tolist() == [3]
    assert L0(2.0).contains(one_pixel, start).tolist() == [False]
    assert L0(3.0).contains(one_pixel, start).tolist() == [True]
    assert L0(1.0, pixels=True).contains(one_pixel, start).tolist() == [True]
    one_pixel[0, 1, 1, 1] = 0.0
    assert L0(1.0, pixels=True).contains(one_pixel, start).tolist() == [False]


@pytest.mark.parametrize(
    "threat", [Linf, L2, L1, lambda eps, mask: L0(4.0, mask=mask)], ids=["linf", "l2", "l1", "l0"]
)
def test_what_a_mask_forbids_must_not_change_at_all(threat):
    mask = torch.tensor([[[[True, False], [True, True]]]])
    bound = threat(0.2, mask=mask).bind(GREY, UNIT)
    assert bound.contains(moved(0.1).float(), GREY).tolist() == [True]
    assert bound.contains(moved(1e-6, (0, 0, 0, 1)).float(), GREY).tolist() == [False]


def test_each_row_has_its_own_budget():
    start = torch.full((3, 2), 0.5)
    points = start + torch.tensor([[0.05, 0.0]])
    domain = Domain(0.0, 1.0, None, (2,))
    for threat in (Linf, L2, L1):
        bound = threat(torch.tensor([0.1, 0.01, 0.06])).bind(start, domain)
        assert bound.contains(points, start).tolist() == [True, False, True]


def test_each_coordinate_has_its_own_budget():
    start = torch.full((2, 3), 0.5)
    bound = Linf(torch.tensor([0.1, 0.01, 0.1])).bind(start, Domain(0.0, 1.0, None, (3,)))
    points = start + torch.tensor([[0.1, 0.0, -0.1], [0.0, 0.02, 0.0]])
    assert bound.contains(points, start).tolist() == [True, False]


DISTANCES = {
    "linf": (Linf(1.0), 0.3),
    "l2": (L2(1.0), 0.5**0.5 * 0.6),
    "l1": (L1(1.0), 0.6),
    "l0": (L0(1.0), 2),
}


@pytest.mark.parametrize("norm", DISTANCES)
def test_distances_by_hand(norm):
    threat, expected = DISTANCES[norm]
    start = torch.full((2, 4), 0.5)
    points = start.clone()
    points[1, :2] += torch.tensor([0.3, -0.3])
    assert threat.distance(points, start).tolist() == pytest.approx([0, expected], abs=1e-6)
