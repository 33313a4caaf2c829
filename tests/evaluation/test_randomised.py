"""Models that answer at random: what is counted is how often they are right at one fixed point, and nothing else."""

import math

import numpy as np
import pytest
import torch

import sparring
from sparring.attacks import PGD, Averaged
from sparring.attacks.suites import Stage
from sparring.engine import State, gradient_at
from sparring.errors import UsageError
from sparring.evaluation.gradient_noise import draws_per_look
from sparring.evaluation.statistics import any_of, exact_interval
from sparring.threat import Linf

PGD_ALONE = (Stage("pgd", PGD(10)),)
ROWS, NOISE = 120, 0.3
INPUTS = torch.rand(ROWS, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
WEIGHTS = torch.linspace(-1, 1, 16)
LABELS = ((INPUTS.flatten(1) @ WEIGHTS) < 0).long()


def _scores(inputs, noise):
    score = inputs.flatten(1) @ WEIGHTS + NOISE * noise
    return torch.stack([score, -score], 1)


def each_row(inputs):
    """Noise of its own for every row."""
    return _scores(inputs, torch.randn(len(inputs)))


def each_call(inputs):
    """One draw for all rows of a call."""
    return _scores(inputs, torch.randn(1))


def _right(eps):
    """The share of draws that are right at the worst point of each sample: the noise is all that is left."""
    margin = (INPUTS.flatten(1) @ WEIGHTS).abs() - eps * WEIGHTS.abs().sum()
    return torch.special.ndtr(margin / NOISE)


def _audit(model, suite=PGD_ALONE):
    return sparring.audit(model, (INPUTS, LABELS), Linf(0.02), suite)


@pytest.mark.parametrize("model", [each_row, each_call])
def test_robust_accuracy_is_the_mean_share_of_right_answers_at_the_worst_points(model):
    run = _audit(model)
    told = run.result["body"]["randomised"]
    # all errors of 120 * 100 draws, which may be the same draw for all rows, and what a search may miss
    assert run.robust_accuracy == pytest.approx(float(_right(0.02).mean()), abs=0.04)
    assert told["clean_correctness"] == pytest.approx(float(_right(0.0).mean()), abs=0.03)
    assert run.robust_accuracy == told["mean_correctness"] < told["clean_correctness"] - 0.1


@pytest.mark.parametrize("model", [each_row, each_call])
def test_each_sample_says_how_often_it_errs_and_that_decides_its_status(model):
    records = _audit(model).records
    risk, status = np.array(records["risk"].to_pylist()), np.array(records["status"].to_pylist())
    assert np.abs(risk - (1 - _right(0.02)).numpy()).max() < 0.25
    attacked = status != "clean_error"
    assert ((status == "broken") == (attacked & (risk > 0.5))).mean() > 0.97


class Stay:
    """An attack that changes nothing."""

    steps = 20

    def start(self, task):
        return State(gradient_at(task.inputs))

    def step(self, task, state, seen):
        return state

    def loss(self, task, state, outputs):
        return task.goal.margin(outputs)[..., None]


def test_looking_often_breaks_nothing():
    run = _audit(each_row, suite=(Stage("stay", Stay()),))
    told = run.result["body"]["randomised"]
    assert run.robust_accuracy == pytest.approx(told["clean_correctness"], abs=0.03)
    # what a first success would have counted
    assert told["any_of"]["errs"] == pytest.approx(told["any_of"]["control"], abs=0.05)
    assert told["any_of"]["control"] > 0.2


def test_any_of_several_tries_stands_beside_its_control():
    told = _audit(each_row).result["body"]["randomised"]["any_of"]
    assert told["tries"] == 10
    assert told["errs"] == pytest.approx(float((1 - _right(0.02) ** 10).mean()), abs=0.06)
    assert told["control"] == pytest.approx(float((1 - _right(0.0) ** 10).mean()), abs=0.06)


def test_any_of_is_the_chance_of_drawing_an_error():
    assert any_of([3], draws=10, tries=2) == pytest.approx(1 - (7 * 6) / (10 * 9))
    assert any_of([0, 10], draws=10, tries=1) == pytest.approx(0.5)


def test_a_gate_is_held_against_the_mean():
    run = _audit(each_row)
    # more samples are mostly right than draws are right, or the test shows nothing
    share, counted = run.robust_accuracy, run.result["robust"] / ROWS
    assert abs(share - counted) > 0.02
    between = (share + counted) / 2
    verdict = "fail" if share < between else "pass"
    assert sparring.gate(run, min_robust_accuracy=between).verdict == verdict
    claim = sparring.gate(run, min_robust_accuracy=between).result["gates"][0]
    assert claim["observed"] == pytest.approx(share)


def test_a_gradient_with_more_noise_takes_more_draws():
    def steep(noise):
        def model(inputs):
            score = inputs.flatten(1) @ (WEIGHTS + noise * torch.randn(16))
            return torch.stack([score, -score], 1)

        return model

    draws = [draws_per_look(steep(noise), INPUTS[:8], LABELS[:8]) for noise in (0.0, 0.8, 3.0)]
    assert draws == [10, 20, 80]


def test_the_suite_takes_as_many_draws_as_it_says():
    run = _audit(each_row)
    passes = run.attempts["backwards"].to_pylist()
    assert run.result["body"]["randomised"]["draws_per_look"] == 10
    assert max(passes) == 10 * Averaged(PGD(10), 10).steps


SHAPES = {
    "all or nothing": lambda draw, size: (draw.random(size) < 0.7).astype(float),
    "uniform": lambda draw, size: draw.random(size),
    "two kinds": lambda draw, size: np.where(draw.random(size) < 0.5, 0.35, 0.95),
    "rarely low": lambda draw, size: np.where(draw.random(size) < 0.05, 0.0, 1.0),
    "rarely high": lambda draw, size: np.where(draw.random(size) < 0.05, 1.0, 0.1),
    "draws": lambda draw, size: draw.binomial(100, draw.beta(0.3, 0.3, size)) / 100,
}
MEANS = {
    "all or nothing": 0.7,
    "uniform": 0.5,
    "two kinds": 0.65,
    "rarely low": 0.95,
    "rarely high": 0.145,
    "draws": 0.5,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("samples", [10, 40, 200])
def test_bounds_of_a_mean_of_shares_cover_it_as_often_as_promised(shape, samples):
    draw, mean, runs = np.random.default_rng(0), MEANS[shape], 2000
    sums = SHAPES[shape](draw, (runs, samples)).sum(1)
    low = np.array([exact_interval(min(each, samples), samples, side="lower").low for each in sums])
    high = np.array([exact_interval(min(each, samples), samples, side="upper").high for each in sums])
    slack = 3 * math.sqrt(0.05 * 0.95 / runs)
    assert (low > mean).mean() <= 0.05 + slack
    assert (high < mean).mean() <= 0.05 + slack


def test_single_classes_of_a_model_that_draws_are_not_believed():
    with pytest.raises(
        UsageError, match="answers at random, and cgba, rays of the suite take every class for"
    ):
        _audit(each_row, "labels")
