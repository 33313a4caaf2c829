"""Broken over queries: counts that can be checked by hand."""

from dataclasses import replace

import pytest
import torch

import sparring
from sparring.attacks import DDN, PGD, SimBA, Square
from sparring.demo import nets
from sparring.reports import render_html
from sparring.reports.ci.markdown import render_markdown
from sparring.reports.over_queries import nearer_over_queries, over_queries
from sparring.reports.table_changes import caught, changes
from sparring.testing import half_space
from sparring.threat import Linf
from tests.data.test_features import table


@pytest.fixture(scope="module")
def problem():
    return half_space(Linf(0.05), rows=40)


def audited(problem, **options):
    data = problem.task.inputs, problem.task.goal.labels
    threat, suite = options.pop("threat", Linf(0.05)), options.pop("suite", [Square(300)])
    return sparring.audit(problem.model, data, threat, suite, **options)


def test_every_mark_counts_what_was_broken_by_then(problem):
    run = audited(problem, queries=80)
    marks = over_queries(run)
    assert [mark.queries for mark in marks] == [10, 25, 50, 79]
    found = [after for after in run.records["found_after"].to_pylist() if after is not None]
    assert [mark.broken for mark in marks] == [
        sum(after <= mark.queries for after in found) for mark in marks
    ]
    assert marks[-1].broken == len(found) and marks[-1].share == f"{len(found) / 40:.1%}"
    assert marks[0].interval is None, "the samples are all there are"
    assert "<h2>Broken over queries</h2>" in render_html(run)
    assert "- 79 queries: " in render_markdown(run)


def test_drawn_samples_have_intervals(problem):
    (first, *_) = over_queries(audited(problem, queries=30, sample=20))
    assert first.interval is not None and " to " in first.interval


def test_runs_that_climb_have_none(problem):
    assert over_queries(audited(problem, suite=[PGD(5)])) == []


def test_the_smallest_change_is_told_for_every_mark(problem):
    run = audited(problem, suite=[SimBA()], queries=60, threat="l2:min")
    lines = nearer_over_queries(run)
    assert [line.queries for line in lines] == [10, 25, 50, 59]
    assert lines[-1].found == run.records["status"].to_pylist().count("broken")
    medians = [line["median"] for line in run.result["distances"]["after"]]
    known = [each for each in medians if each is not None]
    assert known == sorted(known, reverse=True) and len(known) > 1
    assert medians[-1] == pytest.approx(run.result["distances"]["median"])
    assert lines[-1].interval is None, "the samples are all there are"
    assert "<h2>Smallest change over queries</h2>" in render_html(run)
    assert f"- 59 queries: {lines[-1].median} at the median, " in render_markdown(run)
    assert over_queries(run) == []


def test_medians_of_drawn_samples_have_intervals(problem):
    lines = nearer_over_queries(audited(problem, suite=[SimBA()], queries=60, threat="l2:min", sample=30))
    assert " to " in lines[-1].interval
    slow = audited(problem, suite=[SimBA(step_size=1e-4)], queries=12, threat="l2:min", sample=30)
    (none, *_) = nearer_over_queries(slow)
    assert none.median == "none for half of them" and none.interval in ("unknown", "L2 0 or more")


def test_smallest_changes_that_were_climbed_to_are_not_told_by_queries(problem):
    run = audited(problem, suite=[DDN(5)], threat="l2:min")
    assert run.result["distances"]["after"] is None and nearer_over_queries(run) == []


def test_changes_are_in_the_units_of_the_columns():

    samples = table()
    labels = (samples.domain.columns.rows(samples.inputs)[:, 0] > 50).long()

    def model(rows):
        return torch.stack([50.5 - rows[:, 0], rows[:, 0] - 50.5], 1)

    run = sparring.audit(model, replace(samples, labels=labels), "linf:0.7", [Square(40)], queries=40)
    (age, *_) = changes(run)
    assert age.name == "age" and age.share == "100.0%" and abs(int(age.largest)) <= 7
    assert "born" not in {line.name for line in changes(run)}
    assert caught(run).startswith(
        "Recognised of each class before and after the attack: class 0: 100.0% before, "
    )
    assert changes(audited(half_space(Linf(0.05), rows=10))) == []


def test_what_rounding_to_grey_levels_asks_hides_no_table():
    """It may look at one gradient of a model that has some, and that is no search along gradients."""
    data = nets.images(20)
    broken = sparring.audit(nets.plain(), data, "linf:0.3", "blackbox", queries=40)
    smallest = sparring.audit(nets.plain(), data, "l2:min", "labels", queries=40)
    assert broken.result["backwards"] and smallest.result["backwards"]
    assert over_queries(broken) and nearer_over_queries(smallest)
