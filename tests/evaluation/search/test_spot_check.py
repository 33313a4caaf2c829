"""Samples that a cheap suite gave up on, and the few of them that go through `standard`."""

from collections import Counter

import pytest
import torch

import sparring
from sparring.attacks import PGD, margin, suites
from sparring.attacks.suites import Stage
from sparring.errors import Interrupted
from sparring.evaluation import auditing
from sparring.evaluation.gates import Gates
from sparring.evaluation.search import shards
from sparring.storage import load_run
from sparring.testing import half_space
from sparring.threat import Linf
from tests.interrupting import Interrupts

WEAK = (Stage("weak", PGD(1, step_size=1e-4, loss=margin)),)
STRONG = (Stage("strong", PGD(20, loss=margin)),)
ROWS = 96


@pytest.fixture
def problem(monkeypatch):
    monkeypatch.setattr(auditing, "applies", lambda plan: False)
    monkeypatch.setattr(shards, "SHARD", 40)
    monkeypatch.setitem(suites.SUITES, "standard", STRONG)
    return half_space(Linf(0.05), rows=ROWS)


def _audit(problem, fast=STRONG, minimum=None, **options):
    data = (problem.task.inputs, problem.task.goal.labels)
    gates = None if minimum is None else Gates(minimum)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(suites.SUITES, "fast", fast)
        return sparring.audit(
            options.pop("model", problem.model), data, Linf(0.05), "fast", gates=gates, **options
        )


def _ids(run, *statuses):
    return {row["id"] for row in run.records.to_pylist() if row["status"] in statuses}


def test_what_a_cheap_suite_leaves_is_given_up_and_counts_as_robust(problem):
    run = _audit(problem)
    left = int((~problem.breakable).sum())
    assert Counter(run.records["status"].to_pylist()) == {"gave_up": left, "broken": ROWS - left}
    assert run.result["robust"] == left
    assert run.result["risk"] == {
        "given_up": left, "checked": 0, "missed": 0, "bound": 1.0, "level": 0.95, "source": "transferred",
    }  # fmt: skip
    assert "given-up" in {each["id"] for each in run.result["findings"]}


def test_another_suite_gives_nothing_up(problem):
    data = (problem.task.inputs, problem.task.goal.labels)
    run = sparring.audit(problem.model, data, Linf(0.05), "standard")
    assert "risk" not in run.result and not _ids(run, "gave_up")


def test_a_gate_has_as_many_checked_as_it_needs_and_passes(problem):
    left = int((~problem.breakable).sum())
    low, high = (_audit(problem, minimum=share * left / ROWS) for share in (0.4, 0.8))
    assert low.verdict == high.verdict == "pass"
    assert 0 < len(_ids(low, "robust")) < len(_ids(high, "robust")) <= -(-left // 4)
    assert _ids(low, "robust") < _ids(high, "robust"), "draws are nested"
    standing = [row["id"] for row in high.records.to_pylist() if row["status"] in ("robust", "gave_up")]
    assert _ids(high, "robust") != set(standing[: len(_ids(high, "robust"))]), "the first are not a draw"
    assert low.result["robust"] == high.result["robust"] == left
    assert len(low.result["suite"]["stages"]) == 2


def test_nothing_is_checked_for_a_gate_that_cannot_pass(problem):
    left = int((~problem.breakable).sum())
    run = _audit(problem, minimum=left / ROWS)
    assert run.verdict == "inconclusive" and not _ids(run, "robust")
    assert "what suite fast may have missed" in run.result["reasons"][0]


def test_what_a_cheap_suite_missed_shows_and_no_gate_passes_on_it(problem):
    run = _audit(problem, fast=WEAK, minimum=0.6)
    assert run.result["robust"] > 0.9 * ROWS, "the weak suite breaks next to nothing"
    risk, broken = run.result["risk"], _ids(run, "broken")
    by_check = [row for row in run.records.to_pylist() if row["attack"] == "standard: strong"]
    assert risk["missed"] == len(by_check) > 0
    assert {row["status"] for row in by_check} == {"broken"} and len(by_check) <= len(broken)
    assert run.verdict != "pass" and risk["source"] == "transferred"
    truth = int(problem.breakable.sum()) - len(broken)
    assert risk["bound"] * risk["given_up"] >= truth
    index, points = run.tensors["index"], run.tensors["adversarial"]
    assert sorted(index.tolist()) == [
        row["index"] for row in run.records.to_pylist() if row["status"] == "broken"
    ]
    assert bool(((points - problem.task.inputs[index]).abs().flatten(1).amax(1) <= 0.05 + 1e-6).all())
    with torch.no_grad():
        assert bool((problem.model(points).argmax(1) != problem.task.goal.labels[index]).all())


def test_every_pass_is_charged_once(problem):
    run = _audit(problem, fast=WEAK, minimum=0.3)
    attempts = run.attempts.to_pylist()
    for row in run.records.to_pylist():
        mine = [each for each in attempts if each["id"] == row["id"]]
        assert row["forwards"] == 1 + sum(each["forwards"] for each in mine)
        assert row["backwards"] == sum(each["backwards"] for each in mine)
        if row["status"] == "broken":
            assert row["found_after"] == row["forwards"] + row["backwards"]


def test_a_gate_judged_again_says_the_same(problem, tmp_path):
    left = int((~problem.breakable).sum())
    run = _audit(problem, minimum=0.5 * left / ROWS, out=tmp_path / "run")
    again = sparring.gate(tmp_path / "run", min_robust_accuracy=0.5 * left / ROWS)
    assert again.verdict == run.verdict == "pass" and again.result["gates"] == run.result["gates"]
    more = sparring.gate(tmp_path / "run", min_robust_accuracy=0.95 * left / ROWS)
    assert more.verdict == "inconclusive"


def test_a_check_that_was_stopped_goes_on(problem, monkeypatch, tmp_path):
    monkeypatch.setattr(shards, "SHARD", 8)
    looks = Interrupts(problem.model, -1)
    whole = _audit(problem, model=looks, minimum=0.3, execution="plain")
    made = -looks.after - 1
    assert _ids(whole, "robust")
    with pytest.raises(Interrupted):
        _audit(
            problem,
            model=Interrupts(problem.model, made - 8),
            minimum=0.3,
            execution="plain",
            out=tmp_path / "run",
        )
    cut = load_run(tmp_path / "run")
    assert cut.verdict == "incomplete" and _ids(cut, "unfinished") <= _ids(whole, "robust")
    again = _audit(
        problem,
        model=Interrupts(problem.model, -1),
        minimum=0.3,
        execution="plain",
        out=tmp_path / "run",
        resume=True,
    )
    assert again.records.equals(whole.records) and again.attempts.equals(whole.attempts)


def test_a_drop_counts_what_may_have_been_missed(problem):
    old, new = _audit(problem), _audit(problem, minimum=0.1)
    told = sparring.gate(new, max_drop=0.05, baseline=old).result["gates"][0]
    assert told["verdict"] == "inconclusive" and told["observed"] == 0
    standing = new.result["risk"]["given_up"]
    assert told["high"] <= standing / ROWS + 0.2, "no more than all of them was missed"
