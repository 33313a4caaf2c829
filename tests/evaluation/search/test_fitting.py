"""The suite is fitted to the model: what does better than gradients joins, honest models keep theirs."""

import pytest
import torch

import sparring
from sparring.attacks import PGD, SparseRS, Square, SquareL2, suites
from sparring.attacks.suites import Stage
from sparring.testing import half_space
from sparring.threat import L0, L2, Linf
from tests.slopes import cut, flip

SUITE = (Stage("pgd", PGD(10)), Stage("square", Square(30)))


def _audit(change, suite=SUITE):
    problem = half_space(Linf(0.05), rows=60)
    data = (problem.task.inputs, problem.task.goal.labels)
    run = sparring.audit(lambda inputs: problem.model(change(inputs)), data, Linf(0.05), suite)
    return run, int((~problem.breakable).sum()), {finding["id"] for finding in run.result["findings"]}


def test_an_honest_model_keeps_its_suite():
    run, robust, found = _audit(lambda inputs: inputs)
    assert [stage["name"] for stage in run.result["suite"]["stages"]] == ["pgd", "square"]
    assert run.result["robust"] == robust and run.verdict == "measured" and not found


def test_flipped_gradients_are_seen_and_undone():
    run, robust, found = _audit(flip, (Stage("pgd", PGD(10)),))
    assert "gradients-mislead" in found
    assert run.result["robust"] == robust and run.verdict == "measured"


def test_a_suite_that_gradients_mislead_is_invalid(monkeypatch):
    from sparring.evaluation import auditing

    monkeypatch.setattr(auditing, "fitted", lambda plan, ledger: plan)
    monkeypatch.setattr(auditing, "fitted_with_all", lambda plan: plan)
    run, _, found = _audit(flip, (Stage("pgd", PGD(10)), Stage("square", Square(300))))
    assert run.verdict == "invalid" and "random-search-wins" in found
    assert sparring.gate(run, min_robust_accuracy=0.01).verdict == "invalid"


def test_in_l0_slopes_that_mislead_are_a_warning():
    problem = half_space(L0(2), rows=60)
    data = (problem.task.inputs, problem.task.goal.labels)
    suite = (Stage("pgd", PGD(2)), Stage("sparse-rs", SparseRS(300)))
    run = sparring.audit(lambda inputs: problem.model(flip(inputs)), data, L0(2), suite)
    found = {finding["id"]: finding["severity"] for finding in run.result["findings"]}
    assert run.verdict == "measured" and found["random-search-ahead"] == "warning"


def test_lucky_draws_break_nothing_and_cost_no_sample():
    problem = half_space(Linf(0.05), rows=60)
    data = (problem.task.inputs, problem.task.goal.labels)

    def noisy(inputs):
        outputs = problem.model(inputs)
        return outputs + 0.02 * torch.randn_like(outputs)

    run = sparring.audit(noisy, data, Linf(0.05), (Stage("pgd", PGD(10)),))
    rows = zip(run.records["status"].to_pylist(), run.records["risk"].to_pylist(), strict=True)
    risks = [risk for status, risk in rows if status == "broken"]
    assert all(risk > 0.5 for risk in risks)
    assert run.result["robust"] == pytest.approx(int((~problem.breakable).sum()), abs=4)


def test_a_cheap_suite_that_gradients_misled_makes_room_for_standard(monkeypatch):
    few = (Stage("pgd", PGD(5)), Stage("square", SquareL2(300), norms=("l2",)))
    monkeypatch.setitem(suites.SUITES, "fast", few)
    monkeypatch.setitem(suites.SUITES, "standard", (*few, Stage("more", PGD(6))))
    problem = half_space(L2(0.3), rows=60)
    data = (problem.task.inputs, problem.task.goal.labels)
    run = sparring.audit(lambda inputs: problem.model(cut(inputs)), data, L2(0.3), "fast")
    assert run.result["suite"]["name"] == "standard"
    assert "more" in [stage["name"] for stage in run.result["suite"]["stages"]]
    assert any("standard was run on all" in note for note in run.result["model"]["notes"])
    assert "gave_up" not in run.records["status"].to_pylist() and run.verdict == "invalid"
