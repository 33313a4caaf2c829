"""Starts that are asked for, and the boundary on a line."""

import math
from dataclasses import replace

import pytest
import torch

from sparring.attacks.parts.crossing import TRIES, between, boundary_on, circle, found_start, shrunk
from sparring.tensors import take
from sparring.threat import L2, Linf
from tests.known import task_of

INPUTS = torch.full((1, 3, 8, 8), 0.5)
LABELS = torch.zeros(1, dtype=torch.int64)


def run(walk, model):
    """Answer a walk with `model`, whether the goal is reached; what it returned, and all that it asked."""
    asked, answers = [], None
    try:
        while True:
            points = walk.send(answers)
            asked.append(points)
            answers = model(points)
    except StopIteration as end:
        return end.value, asked


def never(points):
    return torch.zeros(len(points), dtype=torch.bool)


def test_a_start_that_is_given_is_asked_once():
    begin = INPUTS + 0.3
    task = replace(task_of(INPUTS, LABELS, L2(1.0)), begin=begin)
    start, asked = run(found_start(task), lambda points: ~never(points))
    assert torch.equal(start, begin)
    assert len(asked) == 1


def test_what_no_earlier_stage_moved_is_no_start():
    task = replace(task_of(INPUTS, LABELS, L2(1.0)), begin=INPUTS)
    start, asked = run(found_start(task), never)
    assert start is None
    assert len(asked) == TRIES
    assert not any(torch.equal(each, INPUTS) for each in asked)


def test_random_starts_differ_lie_in_range_and_keep_to_the_mask():
    mask = torch.arange(8) < 4
    threat = L2(1.0, mask=mask.expand(3, 8, 8))
    _, asked = run(found_start(task_of(INPUTS, LABELS, threat)), never)
    points = torch.cat(asked)
    assert len(points.flatten(1).unique(dim=0)) == TRIES
    assert 0 <= float(points.min()) < 0.05 < 0.95 < float(points.max()) <= 1
    assert bool((points[..., 4:] == 0.5).all())
    colours = [len(point.unique()) for point in points]
    assert max(colours) > 90, "some are noise"
    assert min(colours) <= 4, "some have a single colour"


@pytest.mark.parametrize("threat", [L2(1.0), Linf(0.1)], ids=["l2", "linf"])
@pytest.mark.parametrize("where", [0.03, 0.4, 0.97])
def test_the_boundary_on_a_line(threat, where):
    task = task_of(INPUTS, LABELS, threat)
    far = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    whole = float(threat.distance(far, INPUTS))
    point, asked = run(
        boundary_on(task, far, 0.01), lambda points: threat.distance(points, INPUTS) > where * whole
    )
    share = float(threat.distance(point, INPUTS)) / whole
    assert where <= share <= 1.011 * where
    assert len(asked) <= 14


def test_a_smaller_ball_cuts_a_change_off_where_it_stands_out():
    far = INPUTS + torch.linspace(-0.4, 0.4, 192).reshape(1, 3, 8, 8)
    near = between(task_of(INPUTS, LABELS, Linf(0.1)), far, 0.25)
    assert torch.allclose(near, far.clamp(0.4, 0.6))
    line = between(task_of(INPUTS, LABELS, L2(1.0)), far, 0.25)
    assert torch.allclose(line, INPUTS + (far - INPUTS) / 4)


def test_rows_draw_starts_of_their_own():
    task = task_of(INPUTS.expand(2, -1, -1, -1), LABELS.expand(2), L2(1.0))
    first, second = (run(found_start(take(task, torch.tensor([row]))), never)[1] for row in (0, 1))
    assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("where", [0.02, 0.4, 0.97])
def test_a_radius_shrinks_to_the_boundary_and_not_past_it(where):
    task = task_of(INPUTS, LABELS, Linf(0.1))
    radius, asked = run(
        shrunk(task, torch.ones_like(INPUTS), 0.5, 0.01),
        lambda points: Linf(0.1).distance(points, INPUTS) > where * 0.5,
    )
    assert where * 0.5 < radius <= 1.011 * where * 0.5
    assert len(asked) <= 20


def test_a_circle_leads_from_the_point_to_the_input():
    task = task_of(INPUTS, LABELS, L2(1.0))
    generator = torch.Generator().manual_seed(1)
    change, side = 0.1 * torch.randn(2, 1, 3, 8, 8, generator=generator)
    at = circle(task, INPUTS + change, side)
    assert torch.allclose(at(0.0), INPUTS + change, atol=1e-6)
    assert torch.allclose(at(math.pi / 2), INPUTS, atol=1e-6)
    for angle in (0.3, 1.2):
        moved = at(angle) - INPUTS
        assert float(moved.norm()) == pytest.approx(float(change.norm()) * math.cos(angle), rel=1e-4)
        assert float((moved * side).sum()) > float((change * side).sum()) * math.cos(angle) ** 2


def test_a_flat_boundary_is_crossed_where_it_is_closest():
    task = task_of(INPUTS, LABELS, L2(1.0))
    normal = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    normal = normal / normal.norm()
    point = INPUTS + 0.5 * normal + 0.02 * torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    height = float(((point - INPUTS) * normal).sum())
    foot = INPUTS + height * normal
    angle = math.acos(height / float((point - INPUTS).norm()))
    assert torch.allclose(circle(task, point, normal)(angle), foot, atol=1e-5)
