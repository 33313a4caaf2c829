"""HLRF: exact on a half-space, and never further than what is known."""

import pytest
import torch

from sparring.attacks import HLRF, Estimated
from sparring.engine import search
from sparring.threat import L1, L2, Linf, parse_threat
from tests.known import flat_boundary, task_of


@pytest.mark.parametrize("threat", [Linf(0.05), L2(0.2), L1(0.3)], ids=["linf", "l2", "l1"])
def test_the_smallest_change_across_a_plane_is_found_in_a_few_steps(threat):
    problem = flat_boundary(threat)
    task = task_of(problem.task.inputs, problem.task.goal.labels, parse_threat(f"{threat.norm}:min"))
    found = search(problem.model, task, HLRF(12), retire="never", keep="closest")
    assert bool(found.success.all())
    ratio = found.distance / problem.distance
    assert bool(((ratio >= 1 - 1e-4) & (ratio < 1.07)).all())


def test_slopes_from_scores_do_as_well_once_all_are_known():
    problem = flat_boundary(L2(0.2))
    task = task_of(problem.task.inputs, problem.task.goal.labels, parse_threat("l2:min"))
    attack = Estimated(HLRF(), looks=8).within(150)
    found = search(problem.model, task, attack, retire="never", keep="closest")
    assert bool(found.success.all()) and int(found.forwards.max()) <= 150
    assert float((found.distance / problem.distance).max()) < 1.1


def test_points_draw_in_once_the_goal_is_reached_and_stay_in_range():
    inputs = torch.rand(6, 12, generator=torch.Generator().manual_seed(3)).round(decimals=1)
    centre = torch.full((12,), 0.5)

    def model(points):
        score = 4 * (points - centre).square().sum(1) - 2 * (points - centre).abs().sum(1)
        return torch.stack([score, -score], 1)

    labels = model(inputs).argmax(1)
    task = task_of(inputs, labels, parse_threat("l2:min"))
    shown = []

    def watched(points):
        shown.append(points.detach()[:6])
        return model(points)

    found = search(watched, task, HLRF(30), retire="never", keep="closest")
    best = torch.full((6,), torch.inf)
    for points in shown:
        away = (points - inputs).norm(dim=1)
        assert bool((away <= best).all()), "further than what is known"
        assert bool(((points >= 0) & (points <= 1)).all())
        best = torch.where(model(points).argmax(1) != labels, torch.minimum(best, away), best)
    assert torch.allclose(best, found.distance)


def test_a_slope_of_zero_moves_nothing_and_breaks_nothing():
    task = task_of(torch.rand(3, 5), torch.zeros(3, dtype=torch.int64), parse_threat("l2:min"))
    found = search(lambda points: points[:, :2] * 0 + torch.tensor([1.0, 0.0]), task, HLRF(5), retire="never")
    assert not bool(found.success.any()) and torch.equal(found.adversarial, task.inputs)
