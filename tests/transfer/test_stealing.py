"""Stealing: exact budgets, and a surrogate that agrees with its target."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from sparring.draws import Draws
from sparring.errors import UsageError
from sparring.models import load_model
from sparring.threat import Linf
from sparring.training import Recipe, Shifted
from sparring.training.optimisers import Adam
from sparring.transfer import steal
from sparring.transfer.stealing import _beside, _often
from tests.transfer.nets import linear, samples

TARGET = linear(0, side=4)
SAMPLES = samples(TARGET, 60, side=4)
RECIPE = Recipe(epochs=10, minibatch=40, optimiser=Adam(0.02))


def _net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 4))


def _stolen(queries, asked=SAMPLES, target=TARGET, **options):
    (surrogate,) = steal(target, asked, queries, [_net()], Linf(0.01), RECIPE, **options)
    return surrogate


class _Counted(nn.Module):
    asked = 0

    def forward(self, inputs):
        self.asked += len(inputs)
        return TARGET(inputs)


def test_more_queries_make_a_better_surrogate():
    few, many = (_stolen(queries) for queries in (20, 300))
    held = samples(TARGET, 300, side=4)
    shares = [float((each(held.inputs).argmax(1) == held.labels).float().mean()) for each in (few, many)]
    assert shares[1] > max(0.65, shares[0])


def test_samples_are_drawn_whatever_their_order():
    by_class = SAMPLES.select(SAMPLES.labels.argsort())
    seen = []

    def watched(inputs):
        seen.append(TARGET(inputs).argmax(1))
        return TARGET(inputs)

    _stolen(24, by_class, load_model(watched))
    assert len(by_class.labels[:24].unique()) == 1 < len(torch.cat(seen).unique())


@pytest.mark.parametrize("queries", [16, 37, 160])
def test_the_budget_is_spent_exactly(queries):
    counted = _Counted()
    target = load_model(counted)
    target.padded = False  # as a model behind an address is
    counted.asked = 0
    stolen = steal(target, SAMPLES, queries, [_net(), _net()], Linf(0.01), RECIPE)
    assert counted.asked == queries
    assert [each.name for each in stolen] == [f"stolen-{target.name}-1", f"stolen-{target.name}-2"]


def test_labels_of_the_samples_are_not_looked_at():
    wrong = samples(linear(7, side=4), 60, side=4)
    given, mixed = (_stolen(50, each).function for each in (SAMPLES, wrong))
    assert torch.equal(given[1].weight, mixed[1].weight)


def test_new_points_stay_in_range_and_the_same_seed_makes_the_same_net():
    seen = []

    class Watched(nn.Module):
        def forward(self, inputs):
            seen.append(inputs)
            return TARGET(inputs)

    first, second = (_stolen(120, target=load_model(Watched()), step_size=0.5) for _ in range(2))
    points = torch.cat(seen)
    assert 0 <= float(points.min()) <= float(points.max()) <= 1
    assert torch.equal(first.function[1].weight, second.function[1].weight)


def test_new_points_lead_away_from_the_answers_that_were_given():
    asked, said = SAMPLES.inputs, SAMPLES.labels
    fresh = _beside(TARGET, asked, said, SAMPLES, 50, 0.2, Draws(torch.arange(1)))
    same = TARGET(fresh).argmax(1) == TARGET(asked).argmax(1)[_nearest(fresh, asked)]
    assert float(same.float().mean()) < 0.5


def _nearest(points, asked):
    return torch.cdist(points.flatten(1), asked.flatten(1), p=torch.inf).argmin(1)


def test_too_few_queries_are_refused():
    with pytest.raises(UsageError, match="15 queries are too few"):
        _stolen(15)


def test_few_answers_are_seen_often_and_many_at_least_ten_times():
    assert _often(SAMPLES).epochs == 475  # two updates an epoch
    many = SAMPLES.select(list(range(60)) * 100)
    assert (_often(many).epochs, _often(many).augment) == (10, Shifted(0))


def test_the_surrogate_withstands_small_changes():
    weak, strong = (
        steal(TARGET, SAMPLES, 60, [_net()], Linf(eps), replace(RECIPE, epochs=40))[0] for eps in (1e-6, 0.1)
    )
    assert _broken(strong) < _broken(weak)


def _broken(surrogate, eps=0.05):
    """How many of its own answers a step along its gradient changes."""
    points = SAMPLES.inputs.clone().requires_grad_()
    scores = surrogate(points)
    said = scores.argmax(1)
    (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(scores, said), points)
    moved = (points + eps * gradient.sign()).detach()
    return int((surrogate(moved).argmax(1) != said).sum())
