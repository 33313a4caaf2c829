"""Tying a threat to samples, and every way in which it makes no sense."""

import pytest
import torch

from sparring.domain import Domain
from sparring.errors import ThreatError
from sparring.threat import L0, L1, L2, Grid, Linf

IMAGES = torch.zeros(4, 3, 8, 8)
UNIT = Domain(0.0, 1.0, None, (3, 8, 8))
BALLS = {"linf": Linf, "l2": L2, "l1": L1, "l0": L0, "grid": lambda eps: Grid(Linf(eps))}


@pytest.mark.parametrize("ball", BALLS)
@pytest.mark.parametrize("eps", [-0.1, 0.0, torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("kind", ["number", "tensor"])
def test_a_budget_is_a_positive_number(ball, eps, kind):
    if kind == "number" and eps == torch.inf:
        return  # the smallest change is looked for
    value = eps if kind == "number" else torch.tensor([1.0, 1.0, eps, 1.0])
    with pytest.raises(ThreatError, match="positive eps"):
        BALLS[ball](value).bind(IMAGES, UNIT)


@pytest.mark.parametrize(
    ("threat", "limit"),
    [(Linf(8.0), "1"), (L2(14.0), "13.8564"), (L1(193.0), "192"), (L0(193.0), "192")],
    ids=str,
)
def test_a_budget_beyond_the_data_is_a_mistaken_unit(threat, limit):
    with pytest.raises(ThreatError, match=rf"larger than any change these data allow \({limit}\)"):
        threat.bind(IMAGES, UNIT)


@pytest.mark.parametrize(
    "threat",
    [Linf(1.0), L2(13.8564), L1(192.0), L0(192.0), L0(64.0, pixels=True), L0(9.0, pixels=True, side=3)],
    ids=repr,
)
def test_the_whole_range_is_allowed(threat):
    threat.bind(IMAGES, UNIT)


def test_squares_are_of_pixels():
    for threat in (L0(2.0, side=3), L0(2.0, pixels=True, side=0)):
        with pytest.raises(ThreatError, match="squares of at least one pixel, but their side is"):
            threat.bind(IMAGES, UNIT)


def test_pixels_are_fewer_than_coordinates():
    with pytest.raises(ThreatError, match=r"\(64\)"):
        L0(65.0, pixels=True).bind(IMAGES, UNIT)


def test_less_than_one_coordinate_is_nothing():
    with pytest.raises(ThreatError, match="positive"):
        L0(0.5).bind(IMAGES, UNIT)


@pytest.mark.parametrize("shape", [(5,), (4, 2), (7, 3, 8, 8), (3, 8, 7)], ids=str)
@pytest.mark.parametrize("name", ["eps", "mask"])
def test_a_shape_that_does_not_fit(shape, name):
    values = torch.full(shape, 0.1)
    threat = Linf(values) if name == "eps" else Linf(0.1, mask=values > 0)
    with pytest.raises(ThreatError, match=rf"{name} has shape .* does not fit"):
        threat.bind(IMAGES, UNIT)


def test_a_shape_that_could_mean_two_things():
    rows = torch.zeros(4, 4)
    with pytest.raises(ThreatError, match=r"could mean samples or coordinates; give \(4, 1\) .* or \(1, 4\)"):
        Linf(torch.full((4,), 0.1)).bind(rows, Domain(0.0, 1.0, None, (4,)))
    for shape in ((4, 1), (1, 4)):
        assert Linf(torch.full(shape, 0.1)).bind(rows, Domain(0.0, 1.0, None, (4,))).eps.shape[0] == 4


def test_one_value_for_one_row_of_one_value_means_one_thing():
    Linf(torch.tensor([0.1])).bind(torch.zeros(1, 1), Domain(0.0, 1.0, None, (1,)))


@pytest.mark.parametrize("ball", ["l2", "l1", "l0"])
def test_only_linf_has_budgets_per_coordinate(ball):
    with pytest.raises(ThreatError, match="needs linf"):
        BALLS[ball](torch.full((3, 8, 8), 1.0)).bind(IMAGES, UNIT)


@pytest.mark.parametrize(
    "shape", [(4,), (4, 1, 1, 1), (1, 3, 8, 8), (3, 8, 8), (4, 3, 8, 8), (8,), (1, 1, 8)], ids=str
)
def test_every_tensor_of_a_bound_threat_has_a_row_per_sample(shape):
    bound = Linf(torch.full(shape, 0.1), mask=torch.ones(shape, dtype=torch.bool)).bind(IMAGES, UNIT)
    for each in (bound.eps, bound.mask):
        assert each.shape[0] == 4
        assert torch.broadcast_shapes(each.shape, IMAGES.shape) == IMAGES.shape


def test_a_value_per_sample_goes_to_its_sample():
    bound = Linf(torch.tensor([0.1, 0.2, 0.3, 0.4])).bind(IMAGES, UNIT)
    moved = bound.project(IMAGES + 1, IMAGES)
    assert moved.amax((1, 2, 3)).tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize("shape", [(8,), (2, 8)], ids=str)
def test_pixels_need_images(shape):
    with pytest.raises(ThreatError, match="needs images"):
        L0(2.0, pixels=True).bind(torch.zeros(4, *shape), Domain(0.0, 1.0, None, shape))


def test_binding_leaves_the_threat_as_it_was():
    threat = Linf(0.1)
    threat.bind(IMAGES, Domain(-1.0, 2.0, None, (3, 8, 8)))
    assert threat == Linf(0.1)


def test_the_box_is_that_of_the_data():
    low = torch.linspace(-1, 0, 8)
    bound = Linf(0.5).bind(IMAGES, Domain(low, 2.0, None, (3, 8, 8)))
    assert torch.equal(bound.box.low, low.expand(4, 3, 8, 8))
    assert bound.box.high == 2.0
