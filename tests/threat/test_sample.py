"""Random points lie inside, and are spread as they should be."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparring.domain import Domain
from sparring.threat import L0, L1, L2, Grid, Linf
from tests.threat.cases import EUCLIDEAN_BALLS, NORMS, drawn, draws

ROWS = 4000


@pytest.mark.parametrize("norm", NORMS)
@settings(max_examples=40)
@given(data=st.data())
def test_inside(norm, data):
    case = data.draw(drawn(norm))
    points = case.threat.sample(case.inputs, draws(len(case.inputs)))
    assert bool(case.domain.contains(points).all())
    assert bool(case.threat.contains(points, case.inputs).all())


def sampled(threat, shape):
    """Points around grey, far from the border, and their changes in units of eps."""
    inputs = torch.full((ROWS, *shape), 0.5)
    bound = threat.bind(inputs, Domain(0.0, 1.0, None, shape))
    return bound, (bound.sample(inputs, draws(ROWS)) - inputs).flatten(1) / float(threat.eps)


@pytest.mark.parametrize("norm", EUCLIDEAN_BALLS)
@pytest.mark.parametrize("size", [1, 2, 8])
def test_uniform_in_the_ball(norm, size):
    threat, change = sampled(NORMS[norm](0.1), (size,))
    length = threat.distance(change, torch.zeros_like(change))
    assert float(length.mean()) == pytest.approx(
        size / (size + 1), abs=0.015
    )  # that of a uniform point in n dimensions
    assert float(length.min()) < 0.8
    assert float(length.max()) > 0.99
    assert float(change.mean()) == pytest.approx(0, abs=0.02)
    assert float((change > 0).double().mean()) == pytest.approx(0.5, abs=0.02)
    assert torch.allclose(change.var(0), change.var(), rtol=0.2), "some coordinate moves more than others"


@pytest.mark.parametrize("norm", EUCLIDEAN_BALLS)
@pytest.mark.parametrize("shape", ["full", "broadcast"])
def test_uniform_in_what_a_mask_leaves_of_the_ball(norm, shape):
    mask = torch.zeros(1, 1, 2, 4, dtype=torch.bool)
    mask[..., 0, 0] = True  # one pixel of three channels: three coordinates
    mask = mask.expand(1, 3, 2, 4) if shape == "full" else mask
    threat, change = sampled(NORMS[norm](0.1, mask=mask), (3, 2, 4))
    length = threat.distance(change, torch.zeros_like(change))
    assert float(length.mean()) == pytest.approx(3 / 4, abs=0.02)


@pytest.mark.parametrize("pixels", [False, True], ids=["coordinates", "pixels"])
def test_l0_changes_random_places_to_random_values(pixels):
    _, change = sampled(L0(2.0, pixels=pixels), (3, 2, 2))
    moved = change.unflatten(1, (3, 4)) != 0
    units = moved.any(1) if pixels else moved.flatten(1)
    assert units.sum(1).double().mean() == pytest.approx(2, abs=0.01)
    assert torch.allclose(
        units.double().mean(0), torch.tensor(2 / units.shape[1], dtype=torch.float64), atol=0.03
    )
    values = change[change != 0] * 2.0 + 0.5
    assert float(values.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(values.var()) == pytest.approx(1 / 12, abs=0.01)


@pytest.mark.parametrize(
    "threat", [Linf(0.1), L2(0.3), L1(0.5), L0(2.0), Grid(Linf(0.1))], ids=lambda t: type(t).__name__
)
def test_a_row_gets_the_same_point_in_any_company(threat):
    inputs = torch.rand(6, 5)
    domain = Domain(0.0, 1.0, None, (5,))
    randomness = draws(6)
    whole = threat.bind(inputs, domain).sample(inputs, randomness)
    for row in range(6):
        mine = inputs[row : row + 1]
        alone = threat.bind(mine, domain).sample(mine, type(randomness)(randomness.keys[row : row + 1]))
        assert torch.equal(alone[0], whole[row])
    assert len({tuple(each) for each in (whole - inputs).tolist()}) == 6


@pytest.mark.parametrize("norm", EUCLIDEAN_BALLS)
def test_another_seed_gives_another_point(norm):
    inputs = torch.full((3, 5), 0.5)
    threat = NORMS[norm](0.2)
    assert not torch.equal(threat.sample(inputs, draws(3, 0)), threat.sample(inputs, draws(3, 1)))
