"""The climb: its laws, its cost, and gradients that really come through the views."""

from dataclasses import replace

import pytest
import torch

from sparring.draws import Draws, row_keys
from sparring.engine import Task, search
from sparring.testing import LAWS, Case
from sparring.threat import L2, Linf, Untargeted
from sparring.transfer.climb import Climb, mean, relevance
from sparring.transfer.smoothing import blurred
from sparring.transfer.views import Shuffled, Spectral, chained

TABLE = {
    "linf": Case(Climb(10), Linf(0.05)),
    "linf-copies": Case(Climb(10, 2), Linf(0.05)),
    "l2": Case(Climb(20, decay=0.0), L2(0.2)),
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("row", TABLE)
def test_law(row, law):
    law(TABLE[row])


def _task(count=6):
    inputs = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    labels = torch.zeros(count, dtype=torch.int64)
    draws = Draws(row_keys(0, [str(each) for each in range(count)]))
    return Task(inputs=inputs, goal=Untargeted(labels), threat=Linf(0.1), draws=draws)


def _scores(points):
    """Two classes; the second wins where the upper half is bright."""
    bright = points[:, :, :4].flatten(1).mean(1)
    return torch.stack([torch.ones_like(bright), bright], 1)


def test_it_costs_as_many_gradients_as_steps_times_copies_and_one_look():
    found = search(_scores, _task(), Climb(7, 4, Spectral()), retire="never", keep="last")
    assert found.backwards.tolist() == [28] * 6
    assert found.forwards.tolist() == [29] * 6


def test_what_is_kept_is_the_point_itself_and_no_view_of_it():
    task = _task()
    found = search(_scores, task, Climb(5, 3, Shuffled()), retire="never", keep="last")
    moved = (found.adversarial - task.inputs).abs()
    assert float(moved.max()) <= 0.1 + 1e-6
    assert float(moved.flatten(1).amax(1).min()) >= 0.1 - 1e-4


def test_long_steps_end_inside_the_threat_all_the_same():
    task = _task()
    found = search(_scores, task, Climb(5, step_size=0.08), retire="never", keep="last")
    assert float((found.adversarial - task.inputs).abs().max()) <= 0.1 + 1e-6


def test_gradients_are_those_of_the_mean_over_the_views():
    task, view = _task(), chained(Spectral(0.3, 0.05), Shuffled())
    climb = Climb(1, 5, view, decay=0.0, step_size=1e-3)
    moved = (
        search(_scores, replace(task, threat=L2(1.0)), climb, retire="never", keep="last").adversarial
        - task.inputs
    )
    points = task.inputs.clone().requires_grad_()
    seen = [view(points, task.draws, torch.full((6,), each)) for each in range(5)]
    logits = torch.stack([_scores(each) for each in seen])
    loss = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), torch.zeros(30, dtype=torch.int64), reduction="sum"
    )
    (gradient,) = torch.autograd.grad(loss, points)
    alike = torch.cosine_similarity(moved.flatten(1), gradient.flatten(1))
    assert bool(
        (alike > 0.98).all()
    )  # log odds rise with cross-entropy, but not quite evenly over the copies


def test_a_climb_does_not_depend_on_its_mates():
    task, climb = _task(), Climb(4, 3, Spectral(), smooth=blurred(3))
    together = search(_scores, task, climb, retire="never", keep="last").adversarial
    few = search(_scores, task, climb, retire="never", keep="last", batch=2).adversarial
    assert torch.equal(together, few)


def test_relevance_weighs_by_agreement():
    one, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert torch.equal(relevance(torch.stack([one, one, one], 1)), one)
    assert torch.equal(relevance(torch.stack([one, other, other], 1)), other)
    assert torch.equal(relevance(one[:, None]), one)
    assert torch.equal(mean(torch.stack([one, other], 1)), (one + other) / 2)


def test_a_blur_keeps_the_sum_and_is_symmetric():
    spike = torch.zeros(1, 2, 9, 9)
    spike[0, :, 4, 4] = 1
    seen = blurred(5)(spike)
    assert torch.allclose(seen.sum((2, 3)), torch.ones(1, 2))
    assert torch.allclose(seen, seen.flip(2))
    assert float(seen[0, 0, 4, 4]) == float(seen.max()) < 1
