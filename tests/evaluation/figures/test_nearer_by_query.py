"""Medians over queries: what the books note at each mark is what an attack with that budget finds."""

from dataclasses import replace

import pytest
import torch

import sparring
from sparring.attacks import SimBA, SurFree
from sparring.attacks.suites import Stage
from sparring.engine import search
from sparring.evaluation.figures.nearer_by_query import median_interval
from sparring.threat import L2
from tests.known import flat_boundary

PROBLEM = flat_boundary(L2(0.2), rows=6)


@pytest.mark.parametrize("attack", [SimBA(), SurFree()], ids=["scores", "labels"])
def test_a_mark_is_what_a_budget_would_have_found(attack):
    marks = torch.tensor([5, 40, 90])
    options = {"retire": "never", "keep": "closest"}
    task = PROBLEM.task
    marked = replace(task, marks=marks.expand(6, -1))
    whole = search(PROBLEM.model, marked, attack, budget=90, batch=4, **options)
    for place, budget in enumerate(marks.tolist()):
        alone = search(PROBLEM.model, task, attack, budget=budget, **options)
        assert torch.equal(whole.history[:, place], alone.distance)
    assert bool((whole.history[:, 1] > whole.history[:, 2]).any())


def test_an_audit_counts_from_the_first_look_over_all_stages():
    suite = [Stage("first", SurFree(29), norms=("l2:min",)), Stage("second", SurFree(100), norms=("l2:min",))]
    data = PROBLEM.task.inputs, PROBLEM.task.goal.labels
    whole = sparring.audit(PROBLEM.model, data, "l2:min", suite)
    after = {line["queries"]: line["median"] for line in whole.result["distances"]["after"]}
    assert list(after) == [10, 25, 50, 100, 132]
    for budget in (25, 100):
        part = sparring.audit(PROBLEM.model, data, "l2:min", suite, queries=budget + 1)  # one verifies
        assert part.result["distances"]["median"] == pytest.approx(after[budget], rel=1e-5)


def test_an_audit_that_goes_on_has_the_same_history(tmp_path):
    data = PROBLEM.task.inputs, PROBLEM.task.goal.labels
    whole = sparring.audit(PROBLEM.model, data, "l2:min", [SurFree(60)])
    kept = sparring.audit(PROBLEM.model, data, "l2:min", [SurFree(60)], out=tmp_path / "run")
    assert kept.result["distances"]["after"] == whole.result["distances"]["after"]


@pytest.mark.parametrize("count", [6, 15, 40])
def test_the_interval_of_a_median_covers_as_often_as_it_says(count):
    draws = torch.rand(2000, count, generator=torch.Generator().manual_seed(count), dtype=torch.float64)
    bounds = [median_interval(draw, 0.95) for draw in draws]
    covered = sum(low <= 0.5 <= high for low, high in bounds) / len(bounds)
    assert 0.94 < covered < 0.995


def test_too_few_samples_bound_nothing():
    assert median_interval(torch.arange(5.0), 0.95) == (-torch.inf, torch.inf)
    ordered = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, torch.inf])
    assert median_interval(ordered, 0.95) == (1.0, torch.inf)
