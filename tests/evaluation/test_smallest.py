"""Audits that look for the smallest change, on models where it is known."""

import math
from dataclasses import replace

import pytest
import torch

import sparring
from sparring.attacks import FAB, FMN, PGD, SigmaZero
from sparring.attacks.suites import Stage
from sparring.engine.loop import search
from sparring.errors import Interrupted, ThreatError, UsageError
from sparring.evaluation.figures.distances import band_width
from sparring.evaluation.search import stages
from sparring.reports import render_html, render_markdown
from sparring.storage import load_run
from sparring.testing import half_space
from sparring.threat import L0, L1, L2, Linf, parse_threat
from tests.known import constant, flat_boundary

THREATS = {"linf": Linf(0.05), "l2": L2(0.2), "l1": L1(0.3)}
SUITE = (Stage("fmn", FMN(100), norms=("linf:min", "l2:min", "l1:min")),)


def _audit(norm, problem=None, **options):
    problem = problem or flat_boundary(THREATS[norm])
    data = problem.task.inputs, problem.task.goal.labels
    return problem, sparring.audit(problem.model, data, f"{norm}:min", options.pop("suite", SUITE), **options)


@pytest.fixture(scope="module")
def l2():
    return _audit("l2", sample=20)[1]


@pytest.mark.parametrize("norm", THREATS)
def test_records_have_the_smallest_distance(norm):
    problem, run = _audit(norm)
    found = torch.tensor(run.records["distance"].to_pylist())
    assert set(run.records["status"].to_pylist()) == {"broken"}
    assert torch.allclose(found, problem.distance, rtol=0.01)
    assert bool((found >= problem.distance * (1 - 1e-4)).all()), "a distance is shorter than is possible"
    assert run.result["distances"]["median"] == pytest.approx(float(problem.distance.quantile(0.5)), rel=0.01)


@pytest.mark.parametrize("threat", ["l0:min", "l0:minpx", "l0:minsq2"])
def test_fewest_values_pixels_and_squares_are_verified(threat):
    problem = half_space(L0(3))
    stage = Stage("sigma-zero", SigmaZero(60), norms=("l0:min",))
    run = sparring.audit(problem.model, (problem.task.inputs, problem.task.goal.labels), threat, [stage])
    away = run.records["distance"].to_pylist()
    assert run.records["verified"].to_pylist() == [True] * 24
    assert all(each == int(each) and each >= 1 for each in away)
    assert max(away) <= 16, "half of the values, or all of the pixels"


def test_the_curve_falls_where_samples_fall(l2):
    found = l2.result["distances"]
    away = sorted(l2.records["distance"].to_pylist())
    assert found["eps"] == [0.0, *away]
    assert found["robust"] == list(range(20, -1, -1))
    assert found["median"] == pytest.approx((away[9] + away[10]) / 2)
    assert found["area"] == pytest.approx(sum(away) / 20)
    assert found["never"] == 0
    assert found["band"] == pytest.approx(band_width(20, 0.95))
    assert l2.result["robust"] == 0
    assert l2.result["interval"] is None
    assert l2.result["curve"] == {"passes": [], "robust": []}


def test_clean_errors_are_at_distance_zero():
    problem = flat_boundary(THREATS["l2"])
    labels = problem.task.goal.labels.clone()
    labels[:6] = 2
    wrong = replace(problem, task=replace(problem.task, goal=replace(problem.task.goal, labels=labels)))
    _, run = _audit("l2", wrong)
    first = run.records.slice(0, 6).to_pylist()
    assert {(row["status"], row["distance"], row["forwards"]) for row in first} == {("clean_error", 0.0, 1)}
    assert run.result["distances"]["robust"][0] == 18
    assert run.result["distances"]["area"] == pytest.approx(sum(run.records["distance"].to_pylist()) / 24)


def test_a_constant_model_is_never_broken_and_the_report_says_so():
    problem = constant(THREATS["l2"])
    flat = replace(
        problem, model=lambda points: problem.model(points) + 0 * points.flatten(1).sum(1, keepdim=True)
    )
    _, run = _audit("l2", flat)
    found = run.result["distances"]
    assert (found["never"], found["median"], found["area"]) == (24, None, 0.0)
    assert "never-broken" in [each["id"] for each in run.result["findings"]]
    assert set(run.records["distance"].to_pylist()) == {None}
    assert "never broken" in render_markdown(run)
    assert "unknown" in render_html(run)


@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_saturated_and_flat_scores_give_numbers(scale):
    problem = flat_boundary(THREATS["l2"])
    scaled = replace(problem, model=lambda points: scale * problem.model(points))
    run = _audit("l2", scaled)[1]
    found = torch.tensor(run.records["distance"].to_pylist())
    assert torch.allclose(found, problem.distance, rtol=0.02)


def test_the_closest_of_all_stages_is_kept():
    weak, strong = Stage("weak", FMN(1), norms=("l2:min",)), SUITE[0]
    for order in ((weak, strong), (strong, weak)):
        problem, run = _audit("l2", suite=order)
        assert torch.allclose(torch.tensor(run.records["distance"].to_pylist()), problem.distance, rtol=0.01)
        tried = run.attempts.to_pandas().groupby("stage").size()
        assert dict(tried) == {"fmn": 24, "weak": 24}
        assert set(run.records["attack"].to_pylist()) == {"fmn"}


def test_later_stages_begin_at_what_is_known(monkeypatch):
    begun = []

    def spy(model, task, attack, **options):
        begun.append(task.begin)
        return search(model, task, attack, **options)

    monkeypatch.setattr(stages, "search", spy)
    fab = Stage("fab", FAB(5), norms=("l2:min",))
    _audit("l2", suite=(*SUITE, fab))
    assert begun[0] is None
    assert begun[1] is not None


def test_records_do_not_depend_on_the_batch(l2):
    assert _audit("l2", sample=20, batch=3)[1].records.equals(l2.records)


def test_an_interrupted_audit_is_incomplete_and_goes_on(tmp_path, monkeypatch):
    calls = []

    def stopped(*arguments, **options):
        found = search(*arguments, **options)
        calls.append(found)
        if len(calls) == 2:
            raise Interrupted("stop", findings=replace(found, finished=torch.zeros_like(found.finished)))
        return found

    two = (*SUITE, Stage("again", FMN(20), norms=("l2:min",)))
    with monkeypatch.context() as patch:
        patch.setattr(stages, "search", stopped)
        with pytest.raises(Interrupted):
            _audit("l2", suite=two, out=tmp_path / "run")
    assert load_run(tmp_path / "run").verdict == "incomplete"
    whole = _audit("l2", suite=two)[1]
    resumed = _audit("l2", suite=two, out=tmp_path / "run", resume=True)[1]
    assert resumed.records.equals(whole.records)


def test_eight_bit_survival_is_told_apart():
    problem = flat_boundary(THREATS["l2"])
    grey = (problem.task.inputs * 255).round() / 255
    run = sparring.audit(problem.model, (grey, problem.model(grey).argmax(1)), "l2:min", SUITE)
    found = run.result["distances"]
    survivors = run.records["broken_8bit"].to_pylist().count(True)
    assert found["survive_8bit"] == survivors == len(run.tensors["grid_index"])
    assert 0 < survivors < 24
    assert run.result["robust_8bit"] is None


def test_gates_read_the_curve(l2):
    away = sorted(l2.records["distance"].to_pylist())
    for eps, left in ((away[0] / 2, 20), (away[9], 10), (away[-1], 0)):
        gate = sparring.gate(l2, min_robust_accuracy=0.5, eps=eps).result["gates"][0]
        assert gate["observed"] == left / 20
        assert gate["eps"] == eps
        assert f"at eps {eps:.6g}" in gate["text"]
    verdicts = [
        sparring.gate(l2, min_robust_accuracy=0.5, eps=eps).verdict
        for eps in (away[0] / 2, away[9], away[-1])
    ]
    assert verdicts == ["pass", "inconclusive", "fail"]


def test_a_class_gate_reads_the_curve_too(l2):
    run = sparring.gate(l2, min_class_accuracy=0.2, eps=0.01)
    assert run.result["gates"][0]["observed"] == 1.0


def test_a_saved_gate_is_read_again(tmp_path):
    _, run = _audit("l2", out=tmp_path / "run", gates=sparring.evaluation.gates.settings.Gates(0.1, eps=0.02))
    assert run.verdict == "pass" and load_run(tmp_path / "run").result["gates"][0]["eps"] == 0.02


BAD = {
    "an eps where the threat has one": ("l2:0.2", {"eps": 0.1}, "audit under l2:min to read any eps"),
    "no eps where it has none": ("l2:min", {}, "give an eps, for example 0.5"),
}


@pytest.mark.parametrize("name", BAD)
def test_gates_that_cannot_be_judged(name):
    threat, options, words = BAD[name]
    problem = flat_boundary(THREATS["l2"])
    data = problem.task.inputs, problem.task.goal.labels
    gates = sparring.evaluation.gates.settings.Gates(0.5, **options)
    with pytest.raises(UsageError, match=words):
        sparring.audit(problem.model, data, threat, gates=gates)


def test_a_drop_needs_a_budget(l2):
    with pytest.raises(UsageError, match="a drop needs a budget"):
        sparring.gate(l2, max_drop=0.1, baseline=l2)


def test_a_random_model_has_no_smallest_change():
    problem = flat_boundary(THREATS["l2"])
    noisy = replace(problem, model=lambda points: problem.model(points) + torch.randn(len(points), 3))
    with pytest.raises(UsageError, match="no change is the smallest"):
        _audit("l2", noisy)


def test_suites_of_the_other_kind_are_refused():
    with pytest.raises(UsageError, match="give the threat l2:min, and an eps to the gate"):
        sparring.attacks.suites.stages_for("min-l2", "l2")
    with pytest.raises(UsageError, match=r"give the suite min-l2, or a size such as l2:0\.5"):
        sparring.attacks.suites.stages_for("smoke", "l2:min")


def test_an_attack_within_a_budget_is_refused():
    with pytest.raises(ThreatError, match="no budget to start from"):
        _audit("l2", suite=[PGD()])


@pytest.mark.parametrize("text", ["linf:min", "l2:min", "l1:min", "l0:min", "l0:minpx"])
def test_words_there_and_back(text):
    threat = parse_threat(text)
    assert threat.eps == math.inf
    assert sparring.threat.threat_text(threat) == text
