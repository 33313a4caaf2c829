"""A budget of queries per sample: counted by the target, kept to the last one."""

from collections import Counter

import pytest
import torch
from torch import nn

import sparring
from sparring.attacks import PGD, Square, SquareL2
from sparring.attacks.suites import Stage
from sparring.domain import Domain
from sparring.errors import UsageError
from sparring.evaluation.gates import Gates
from sparring.testing import half_space
from sparring.threat import L2, Linf

ROWS = 20
EITHER = (Stage("few", Square(9)), Stage("more", Square(2000), restarts=2))


class Target(nn.Module):
    """A model that counts what it is shown; nothing is filled up for it, as for one behind an address."""

    def __init__(self, model):
        super().__init__()
        self.inner, self.shown = [model], 0

    def forward(self, inputs):
        self.shown += len(inputs)
        return self.inner[0](inputs)


@pytest.fixture
def problem():
    return half_space(Linf(0.05), rows=ROWS)


@pytest.fixture
def bare(monkeypatch):
    """Batches as they are asked for, without rows that fill them up."""
    monkeypatch.setattr("sparring.models.canonical.ROWS", {})


def audited(problem, **options):
    target, data = Target(problem.model), (problem.task.inputs, problem.task.goal.labels)
    threat, suite = options.pop("threat", Linf(0.05)), options.pop("suite", EITHER)
    return sparring.audit(scores_of(target), data, threat, suite, **options), target


def scores_of(target):
    """A model that gives no gradients, and is not asked for any."""
    return sparring.load_model(target).having(gradients=False)


LEARNING = 2 * 8
"""What is shown before any sample is attacked."""


@pytest.mark.parametrize("queries", [3, 4, 12, 13, 60])
def test_the_target_counts_what_the_budget_says(problem, bare, queries):
    run, target = audited(problem, queries=queries)
    told = run.result["query_budget"]
    assert told["per_sample"] == queries
    assert target.shown - LEARNING == told["asked"]
    held = [row["forwards"] for row in run.records.to_pylist() if row["status"] == "robust"]
    assert held == [queries - 1] * len(held) and held, "one is held back to verify what is found"
    broken = [row["forwards"] for row in run.records.to_pylist() if row["status"] == "broken"]
    assert all(spent <= queries - 1 for spent in broken)
    assert told["verifying"] == len(broken)


def test_the_budget_is_for_all_stages_and_restarts_together(problem, bare):
    run, _ = audited(problem, queries=40)
    spent = Counter()
    for row in run.attempts.to_pylist():
        spent[row["index"], row["stage"]] += row["forwards"]
    robust = [row["index"] for row in run.records.to_pylist() if row["status"] == "robust"]
    assert all(0 < spent[index, "few"] <= 10 for index in robust)
    assert {spent[index, "few"] + spent[index, "more"] for index in robust} == {40 - 2}


def test_every_sample_of_a_search_for_the_smallest_change_takes_all(bare):
    problem = half_space(L2(0.2), rows=ROWS)
    suite = (Stage("square", SquareL2(500), norms=("l2",)),)
    run, target = audited(problem, threat=L2(0.2), suite=suite, queries=25)
    assert target.shown - LEARNING == run.result["query_budget"]["asked"] <= 25 * ROWS


def test_records_do_not_depend_on_the_batch(problem):
    one, other = audited(problem, queries=33)[0], audited(problem, queries=33, batch=3)[0]
    assert one.records.equals(other.records) and one.attempts.equals(other.attempts)


def test_grey_levels_are_paid_from_the_same_budget(bare):
    problem = half_space(Linf(0.05), rows=ROWS)
    inputs = (problem.task.inputs * 255).round() / 255
    data = sparring.load_data(
        (inputs, problem.task.goal.labels), domain=Domain(0.0, 1.0, 1 / 255, inputs.shape[1:])
    )
    target = Target(problem.model)
    run = sparring.audit(scores_of(target), data, Linf(0.05), EITHER, queries=60)
    assert target.shown - LEARNING == run.result["query_budget"]["asked"]
    assert max(run.records["forwards"].to_pylist()) <= 60 - 2
    assert run.result["robust_8bit"] is not None


class Wavering(nn.Module):
    """Now and then another answer."""

    def __init__(self, model):
        super().__init__()
        self.inner = [model]

    def forward(self, inputs):
        answers = self.inner[0](inputs)
        return answers + 0.3 * torch.randn_like(answers)


def test_a_model_that_answers_at_random_pays_for_its_draws(problem, bare):
    target, suite = Target(Wavering(problem.model)), (Stage("square", Square(50)),)
    few = problem.task.inputs[:6], problem.task.goal.labels[:6]
    run = sparring.audit(scores_of(target), few, Linf(0.05), suite, queries=400)
    assert target.shown - 2 * 6 == run.result["query_budget"]["asked"] <= 6 * 400
    with pytest.raises(UsageError, match="give at least 301"):
        sparring.audit(scores_of(target), few, Linf(0.05), suite, queries=300)


def test_a_budget_that_leaves_nothing_is_refused(problem):
    with pytest.raises(UsageError, match=r"leave nothing for a search: .* give at least 3"):
        audited(problem, queries=2)


def test_a_suite_that_climbs_has_no_queries(problem):
    data = problem.task.inputs, problem.task.goal.labels
    with pytest.raises(UsageError, match=r"pgd of suite pgd.few.more climb gradients"):
        sparring.audit(problem.model, data, Linf(0.05), (Stage("pgd", PGD(5)), *EITHER), queries=50)


def test_another_budget_is_another_run(problem, tmp_path):
    one, _ = audited(problem, queries=30, out=tmp_path / "run")
    with pytest.raises(UsageError, match="another"):
        audited(problem, queries=31, out=tmp_path / "run", resume=True)
    again, _ = audited(problem, queries=30, out=tmp_path / "run", resume=True)
    assert again.records.equals(one.records)


def test_a_drop_compares_equal_budgets(problem, tmp_path):
    base, _ = audited(half_space(Linf(0.05), rows=40), queries=30, suite="blackbox")
    with pytest.raises(
        UsageError, match="suite blackbox at 30 queries, this run under blackbox at 20 queries"
    ):
        audited(
            half_space(Linf(0.05), rows=40),
            queries=20,
            suite="blackbox",
            baseline=base,
            gates=Gates(max_drop=0.1),
        )
