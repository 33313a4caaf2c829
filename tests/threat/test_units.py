"""What an L0 budget counts as one."""

import pytest
import torch

from sparring.threat import L0
from sparring.threat.units import added_up, first_of, spread_out

THREATS = [L0(2.0), L0(2.0, pixels=True), L0(2.0, pixels=True, side=2), L0(2.0, pixels=True, side=9)]
UNITS = [3 * 4 * 5, 4 * 5, 2 * 3, 1]


@pytest.mark.parametrize(("threat", "count"), list(zip(THREATS, UNITS, strict=True)), ids=repr)
def test_every_value_is_in_one_unit(threat, count):
    values = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    units = added_up(threat, values)
    assert units[0].numel() == first_of(threat, values)[0].numel() == count
    assert torch.allclose(units.flatten(1).sum(1), values.flatten(1).sum(1))
    names = torch.arange(count, dtype=torch.float32).expand(2, -1).reshape(units.shape)
    where = spread_out(threat, names, values)
    assert torch.equal(first_of(threat, where), names)
    for name in range(count):
        assert torch.allclose(values[where == name].sum(), units.flatten(1)[:, name].sum())


def test_squares_lie_side_by_side_from_the_upper_left():
    image = torch.zeros(1, 1, 3, 3)
    image[0, 0, 2, 1] = 1
    assert added_up(L0(2.0, pixels=True, side=2), image).tolist() == [[[[0, 0], [1, 0]]]]


def test_a_budget_of_squares_keeps_the_best_ones_whole():
    inputs, points = torch.full((1, 2, 4, 4), 0.5), torch.full((1, 2, 4, 4), 0.6)
    points[0, :, 2:, :2] = 0.9
    threat = L0(1.0, pixels=True, side=2)
    kept = threat.project(points, inputs)
    assert torch.equal(kept[0, :, 2:, :2], points[0, :, 2:, :2])
    assert int((kept != inputs).sum()) == 8
    assert threat.distance(kept, inputs).tolist() == [1]
    assert threat.distance(points, inputs).tolist() == [4]
