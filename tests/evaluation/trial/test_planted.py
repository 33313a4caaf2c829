"""Planted points: an answer exists by construction, and a search that cannot climb does not find it."""

import pytest
import torch

import sparring
from sparring.attacks import PGD
from sparring.attacks.suites import Stage
from sparring.evaluation import make_plan
from sparring.evaluation.search import fitting
from sparring.evaluation.suspicion.validity import missed
from sparring.evaluation.trial.planted import Found, Planted, plant, sought
from sparring.models import load_model
from sparring.threat import L1, L2, Linf
from tests.slopes import cut

ROWS = torch.arange(32)
SUITE = (Stage("pgd", PGD(10)),)


torch.manual_seed(0)
NET = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
INPUTS = 0.3 + 0.4 * torch.rand(60, 1, 28, 28)


def _problem(threat, change=lambda inputs: inputs):
    return (lambda inputs: NET(change(inputs))), (INPUTS, NET(INPUTS).argmax(1))


def _plan(threat, change=lambda inputs: inputs):
    model, data = _problem(threat, change)
    return make_plan(load_model(model), sparring.load_data(data), threat, SUITE)


@pytest.mark.parametrize("threat", [Linf(0.05), L2(2.0), L1(20.0)], ids=lambda threat: threat.norm)
def test_a_search_that_climbs_finds_what_is_planted(threat):
    found = sought(_plan(threat), ROWS)
    assert found.planted >= 24
    assert found.found >= 0.9 * found.planted


def test_a_search_that_goes_nowhere_does_not():
    found = sought(_plan(Linf(0.05), cut), ROWS)
    assert found.planted >= 24
    assert found.found == 0


def test_nothing_is_planted_where_answers_never_change():
    found = sought(_plan(Linf(0.05), lambda inputs: 0 * inputs), ROWS)
    assert (found.planted, found.found) == (0, 0)


def test_the_clean_input_is_no_planted_point():
    plan = _plan(Linf(0.05))
    task, _ = plant(plan, ROWS)
    assert not task.goal.reached(plan.model(task.inputs)[:, None]).any()


def test_the_readout_is_a_line_and_a_threshold():
    goal = Planted(torch.tensor([[1.0, -1.0]]), torch.tensor([0.5]), torch.tensor([0]))
    outputs = torch.tensor([[[2.0, 1.0], [1.0, 1.0]]])
    assert goal.margin(outputs).tolist() == [[0.5, -0.5]]
    assert goal.reached(outputs).tolist() == [[True, False]]
    assert goal.scores(outputs).argmax(-1).tolist() == [[1, 0]]


def test_a_suite_that_misses_them_gets_whatever_may_help(monkeypatch):
    seen = iter([Found(32, 5, 0, 0), Found(32, 32, 0, 0)])
    monkeypatch.setattr(fitting, "sought", lambda plan, rows: next(seen))
    model, data = _problem(Linf(0.001))
    told = sparring.audit(model, data, Linf(0.001), SUITE)
    assert {"smoothed", "reversed", "nearer"} <= told.result["body"]["trial"]["added"].keys()
    assert told.verdict == "measured"


def test_nothing_is_planted_where_climbing_breaks_every_sample():
    model, data = _problem(Linf(0.05))
    trial = sparring.audit(model, data, Linf(0.05), SUITE).result["body"]["trial"]
    assert trial["broken"]["gradients"] == trial["tried"] > 0
    assert trial["planted"] == 0 and trial["forwards"] <= 51 * trial["tried"]
    assert set(trial["beyond"].values()) == {0}


def test_a_search_that_misses_them_for_good_is_invalid():
    model, data = _problem(Linf(0.05), cut)
    run = sparring.audit(model, data, Linf(0.05), SUITE)
    assert run.verdict == "invalid"
    assert "planted-points-missed" in {finding["id"] for finding in run.result["findings"]}


def test_few_planted_points_say_nothing():
    plan = _plan(Linf(0.05))
    for planted, found, invalid in ((7, 0, False), (8, 6, True), (10, 8, False), (32, 25, True)):
        fit = plan.fit.__class__(planted=planted, planted_found=found)
        assert missed(plan.__class__(**{**vars(plan), "fit": fit})) == invalid
