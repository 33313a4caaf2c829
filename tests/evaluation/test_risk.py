"""What a random subset says of the rest, and what a gate makes of it."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest, hypergeom

from sparring.evaluation.gates import Gates
from sparring.evaluation.gates.claims import Sampling
from sparring.evaluation.gates.judging import judge
from sparring.evaluation.gates.shares import Tally, share_claim
from sparring.evaluation.risk import Risk, most_missed, risk_words
from sparring.evaluation.search.spot_check import FOR_GATE, checks_needed
from sparring.storage import Run
from sparring.storage.baseline import baseline_of
from tests.evaluation.gates.test_judging import run_of

DRAWN = Sampling(True, None)


@pytest.mark.parametrize(("whole", "checked"), [(30, 7), (200, 50), (64, 64), (40, 0)])
@pytest.mark.parametrize("error", [0.05, 0.025])
def test_the_bound_is_the_largest_number_that_is_not_refuted(whole, checked, error):
    for missed in {0, min(2, checked), checked}:
        bound = most_missed(whole - checked, checked, missed, error) + missed
        possible = np.arange(missed, whole - checked + missed + 1)
        kept = possible[hypergeom.cdf(missed, whole, possible, checked) > error]
        assert bound == kept.max(initial=missed)


@pytest.mark.parametrize("number", [0, 1, 5, 20, 60])
def test_the_bound_holds_as_often_as_it_says(number):
    whole, checked = 60, 15
    seen = hypergeom.rvs(whole, number, checked, size=4000, random_state=1)
    bounds = {k: most_missed(whole - checked, checked, k, 0.05) for k in set(seen.tolist())}
    wrong = np.mean([number - k > bounds[k] for k in seen.tolist()])
    assert wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


def test_whoever_checks_nothing_knows_nothing_and_whoever_checks_all_knows_all():
    assert Risk(40, 0, 0).share(0.05) == 1.0
    assert Risk(0, 40, 3).share(0.05) == 0.0
    assert Risk(30, 10, 0).most(0.05) > Risk(20, 20, 0).most(0.05)


def _passes(count, standing, checked, missed, minimum):
    """Whether a gate passes that sees these counts."""
    tally = Tally(count, standing - missed, standing - missed, standing - checked)
    risk = Risk(standing - checked, checked, missed)
    return share_claim("min_robust_accuracy", tally, DRAWN, minimum, 0.95, risk=risk).met


def _chance_of_pass(count, minimum, share, miss):
    """The chance that a gate passes, exactly, if `share` survive the cheap suite and `miss` of them break after all.

    Of the checked ones a binomial number breaks, whatever the number among the others.
    """
    total = 0.0
    for standing in range(count + 1):
        weight = binom.pmf(standing, count, share)
        if weight < 1e-9:
            continue
        checked = checks_needed(count, standing, DRAWN, minimum, 0.95)
        missed = 0
        while missed <= checked and _passes(count, standing, checked, missed, minimum):
            missed += 1
        total += weight * binom.cdf(missed - 1, checked, miss)
    return total


@pytest.mark.parametrize("count", [100, 400])
@pytest.mark.parametrize("miss", [0.0, 0.02, 0.1, 0.3])
def test_a_model_at_the_minimum_passes_no_more_often_than_the_level_allows(count, miss):
    minimum = 0.45
    assert _chance_of_pass(count, minimum, minimum / (1 - miss), miss) <= 0.05


def test_a_cheap_suite_that_misses_many_would_be_believed_without_the_bound():
    standing = [binom.ppf(q, 400, 0.45 / 0.7) for q in (0.25, 0.5, 0.75)]
    blind = [Tally(400, int(k), int(k)) for k in standing]
    assert all(share_claim("min_robust_accuracy", each, DRAWN, 0.45, 0.95).met for each in blind)
    assert not any(_passes(400, int(k), 0, 0, 0.45) for k in standing)


def test_a_model_well_above_the_minimum_passes():
    assert _chance_of_pass(400, 0.45, 0.62, 0.0) > 0.9


def test_the_whole_way_drawn_at_random_errs_no_more_often_than_it_says():
    rng, count, minimum, miss = np.random.default_rng(0), 300, 0.45, 0.05
    passed = 0
    for _ in range(600):
        fate = rng.random(count)
        standing = np.flatnonzero(fate < minimum / (1 - miss))
        breaks = fate[standing] > minimum  # what the cheap suite missed
        checked = checks_needed(count, len(standing), DRAWN, minimum, 0.95)
        missed = int(breaks[rng.permutation(len(standing))[:checked]].sum())
        passed += _passes(count, len(standing), checked, missed, minimum)
    assert passed / 600 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)


@pytest.mark.parametrize(("count", "standing"), [(200, 90), (1000, 450), (10_000, 4500)])
def test_a_check_costs_a_quarter_of_the_given_up_samples_at_most_and_less_where_less_will_do(count, standing):
    needed = [checks_needed(count, standing, DRAWN, minimum, 0.95) for minimum in (0.05, 0.3, 0.4, 0.449)]
    assert all(0 <= each <= -(-standing // FOR_GATE) for each in needed)
    assert needed[-1] == 0, "nothing is checked for a gate that cannot pass"
    assert 0 < needed[0] <= needed[1]


@pytest.mark.parametrize("standing", range(1, 13))
@pytest.mark.parametrize("minimum", [0.0, 0.05, 0.5])
def test_so_few_are_left_that_fewer_can_be_checked_than_missed(standing, minimum):
    assert 0 <= checks_needed(32, standing, DRAWN, minimum, 0.95) <= -(-standing // FOR_GATE)


def test_the_draw_of_samples_and_the_check_take_half_of_the_error_each():
    tally, risk = Tally(400, 200, 200, 160), Risk(160, 40, 0)
    claim = share_claim("min_robust_accuracy", tally, DRAWN, 0.3, 0.95, risk=risk)
    left = 200 - most_missed(160, 40, 0, 0.025)
    assert claim.worst == pytest.approx(binomtest(left, 400).proportion_ci(0.95).low)
    assert claim.best == pytest.approx(binomtest(200, 400).proportion_ci(0.90).high)
    counted = share_claim("min_robust_accuracy", tally, Sampling(False, 0), 0.3, 0.95, risk=risk)
    assert counted.worst == (200 - most_missed(160, 40, 0, 0.05)) / 400


def _fast_run(statuses, risk):
    run = run_of(statuses.count("robust"), len(statuses))
    place = run.records.schema.get_field_index("status")
    records = run.records.set_column(place, "status", [statuses])
    told = {"robust": sum(status in ("robust", "gave_up") for status in statuses), "risk": risk}
    return Run({**run.result, **told}, records, run.attempts)


def test_a_baseline_brings_its_own_bound_on_what_it_missed():
    before = ["robust"] * 60 + ["gave_up"] * 140
    known, nothing = ({"given_up": 140, "checked": number, "missed": 0} for number in (60, 0))
    now = _fast_run(["broken"] * 120 + ["gave_up"] * 80, {"given_up": 80, "checked": 20, "missed": 0})
    verdicts = [
        judge(now, Gates(max_drop=0.1), baseline_of(_fast_run(before, risk))).verdict
        for risk in (known, nothing)
    ]
    assert verdicts == ["fail", "inconclusive"], "what B may have missed itself is no drop"


def test_no_drop_passes_on_what_was_given_up_without_a_check():
    before = _fast_run(["robust"] * 150 + ["broken"] * 50, {"given_up": 0, "checked": 150, "missed": 0})
    now = ["gave_up"] * 110 + ["robust"] * 40 + ["broken"] * 50
    known, nothing = ({"given_up": 110, "checked": number, "missed": 0} for number in (40, 0))
    verdicts = [
        judge(_fast_run(now, risk), Gates(max_drop=0.15), baseline_of(before)).verdict
        for risk in (known, nothing)
    ]
    assert verdicts == ["pass", "inconclusive"]


def test_a_class_may_hold_everything_that_was_missed():
    risk = Risk(90, 10, 0)
    claim = share_claim("min_class_accuracy", Tally(20, 18, 18, 15), DRAWN, 0.1, 0.95, 3, 100, risk)
    assert claim.worst < 0.1 and not claim.met and claim.risky
    assert share_claim("min_class_accuracy", Tally(20, 18, 18), DRAWN, 0.1, 0.95, 3, 100).met


def test_words_say_whether_the_risk_was_measured():
    assert "broke 1, so it would break at most" in risk_words(Risk(900, 100, 1), "fast")
    assert "transferred from reference nets" in risk_words(Risk(90, 5, 0), "fast")
