"""Stealing: exact budgets, and a surrogate that agrees with its target."""

import pytest
import torch
from torch import nn

from sparring.errors import UsageError
from sparring.models import load_model
from sparring.training import Recipe
from sparring.training.optimisers import Adam
from sparring.transfer import steal
from sparring.transfer.stealing import _beside
from tests.transfer.nets import linear, samples

TARGET = linear(0, side=4)
SAMPLES = samples(TARGET, 60, side=4)
RECIPE = Recipe(epochs=10, minibatch=40, optimiser=Adam(0.02))


def _net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 4))


class _Counted(nn.Module):
    asked = 0

    def forward(self, inputs):
        self.asked += len(inputs)
        return TARGET(inputs)


def test_more_queries_make_a_better_surrogate():
    few, many = (steal(TARGET, SAMPLES, queries, _net(), RECIPE) for queries in (40, 300))
    held = samples(TARGET, 300, side=4)
    shares = [
        float((each.model(held.inputs).argmax(1) == held.labels).float().mean()) for each in (few, many)
    ]
    assert shares[1] > max(0.65, shares[0])
    assert 0 <= many.agreement <= 1


@pytest.mark.parametrize("queries", [16, 37, 160])
def test_the_budget_is_spent_exactly(queries):
    counted = _Counted()
    target = load_model(counted)
    target.padded = False  # as a model behind an address is
    counted.asked = 0
    assert steal(target, SAMPLES, queries, _net(), RECIPE).queries == counted.asked == queries


def test_labels_of_the_samples_are_not_looked_at():
    wrong = samples(linear(7, side=4), 60, side=4)
    given, mixed = (steal(TARGET, each, 50, _net(), RECIPE).model.function for each in (SAMPLES, wrong))
    assert torch.equal(given[1].weight, mixed[1].weight)


def test_new_points_stay_in_range_and_the_same_seed_makes_the_same_net():
    seen = []

    class Watched(nn.Module):
        def forward(self, inputs):
            seen.append(inputs)
            return TARGET(inputs)

    first, second = (
        steal(load_model(Watched()), SAMPLES, 120, _net(), RECIPE, step_size=0.5) for _ in range(2)
    )
    points = torch.cat(seen)
    assert 0 <= float(points.min()) <= float(points.max()) <= 1
    assert torch.equal(first.model.function[1].weight, second.model.function[1].weight)


def test_new_points_lead_away_from_the_answers_that_were_given():
    asked, said = SAMPLES.inputs, SAMPLES.labels
    fresh = _beside(TARGET, asked, said, SAMPLES, 50, 0.2, (0, 1))
    same = TARGET(fresh).argmax(1) == TARGET(asked).argmax(1)[_nearest(fresh, asked)]
    assert float(same.float().mean()) < 0.5


def _nearest(points, asked):
    return torch.cdist(points.flatten(1), asked.flatten(1), p=torch.inf).argmin(1)


def test_too_few_queries_are_refused():
    with pytest.raises(UsageError, match="15 queries are too few"):
        steal(TARGET, SAMPLES, 15, _net())
