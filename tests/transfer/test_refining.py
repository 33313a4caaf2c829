"""Refinement: exact budgets, and transferred points as better beginnings."""

import pytest
import torch
from torch import nn

from sparring.attacks import CGBA
from sparring.draws import Draws, row_keys
from sparring.engine import Task, search
from sparring.errors import UsageError
from sparring.models import load_model
from sparring.threat import Linf, Untargeted
from sparring.transfer import craft, refine
from tests.transfer.nets import linear, samples

TARGET, SURROGATE = linear(0), linear(1)
SAMPLES = samples(TARGET, 12)
SMALL, LARGE = Linf(10 / 255), Linf(40 / 255)


def _candidates():
    return [craft([SURROGATE], SAMPLES, threat, "mi", 10).points for threat in (SMALL, LARGE)]


class _Counted(nn.Module):
    asked = 0

    def forward(self, inputs):
        self.asked += len(inputs)
        return TARGET(inputs)


@pytest.mark.parametrize("queries", [2, 5, 60])
def test_the_target_counts_as_many_queries_as_are_told_and_none_is_over_budget(queries):
    counted = _Counted()
    target = load_model(counted)
    target.padded = False
    counted.asked = 0
    found = refine(target, SAMPLES, SMALL, _candidates(), queries)
    assert counted.asked == int(found.queries.sum())
    assert int(found.queries.max()) <= queries


def test_what_is_found_is_allowed_and_fools():
    found = refine(TARGET, SAMPLES, SMALL, _candidates(), 100)
    assert bool(found.success.any())
    wrong = TARGET(found.points).argmax(1) != SAMPLES.labels
    inside = SMALL.bind(SAMPLES.inputs, SAMPLES.domain).contains(found.points, SAMPLES.inputs)
    assert bool((wrong & inside)[found.success].all())
    assert torch.equal(found.points[~found.success], SAMPLES.inputs[~found.success])


def test_it_beats_the_same_search_from_random_inputs():
    found = refine(TARGET, SAMPLES, SMALL, _candidates(), 60)
    task = Task(
        inputs=SAMPLES.inputs,
        goal=Untargeted(SAMPLES.labels),
        threat=SMALL.bind(SAMPLES.inputs, SAMPLES.domain),
        draws=Draws(row_keys(0, SAMPLES.ids, "refine")),
    )
    alone = search(TARGET, task, CGBA(60), budget=60)
    assert int(found.success.sum()) > int(alone.success.sum())


def test_a_budget_below_the_candidates_is_refused():
    with pytest.raises(UsageError, match="1 queries do not pay for 2 candidates"):
        refine(TARGET, SAMPLES, SMALL, _candidates(), 1)
