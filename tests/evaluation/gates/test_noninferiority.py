import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binomtest, multinomial

from sparring.evaluation.gates.noninferiority import (
    Flips,
    chance_if_at_least,
    chance_if_at_most,
    difference_interval,
    score,
)


def _fitted_score(gained, lost, pairs, difference):
    """The score statistic with the constrained likelihood maximised by search, not by its closed form."""

    def unlikely(share):
        parts = (
            (gained, share + difference),
            (lost, share),
            (pairs - gained - lost, 1 - 2 * share - difference),
        )
        return -sum(count * np.log(max(part, 1e-300)) for count, part in parts if count)

    ends = max(0, -difference), (1 - difference) / 2
    share = minimize_scalar(unlikely, bounds=ends, method="bounded", options={"xatol": 1e-12}).x
    variance = pairs * (2 * share + difference - difference**2)
    return (gained - lost - pairs * difference) / variance**0.5


@pytest.mark.parametrize(
    ("gained", "lost", "pairs"),
    [(1, 9, 44), (9, 1, 44), (20, 31, 1000), (0, 3, 60), (5, 0, 60), (40, 50, 100)],
)
@pytest.mark.parametrize("difference", [-0.2, -0.02, 0.0, 0.05])
def test_the_closed_form_is_the_maximum_of_the_constrained_likelihood(gained, lost, pairs, difference):
    fitted = _fitted_score(gained, lost, pairs, difference)
    assert float(score(gained, lost, pairs, difference)) == pytest.approx(fitted, rel=1e-4, abs=1e-4)


def test_the_score_without_a_margin_is_mcnemars():
    assert float(score(6, 15, 100, 0)) == pytest.approx((6 - 15) / 21**0.5)
    assert float(score(0, 0, 100, 0)) == 0


def test_the_score_interval_is_the_published_one():
    """Airway hyper-responsiveness of 21 children: -0.517 to -0.026 (Fagerland, Lydersen & Laake 2014, table 6)."""
    z = 1.959964
    low = brentq(lambda value: float(score(1, 7, 21, value)) - z, -0.99, -6 / 21)
    high = brentq(lambda value: float(score(1, 7, 21, value)) + z, -6 / 21, 0.99)
    assert (low, high) == pytest.approx((-0.517, -0.026), abs=5e-4)


@given(st.integers(1, 60), st.floats(-0.9, 0.9), st.data())
def test_both_directions_mirror_each_other(pairs, difference, data):
    gained = data.draw(st.integers(0, pairs))
    lost = data.draw(st.integers(0, pairs - gained))
    assert float(score(gained, lost, pairs, difference)) == pytest.approx(
        -float(score(lost, gained, pairs, -difference)), abs=1e-6
    )


@pytest.mark.parametrize("margin", [0.0, 0.02, 0.1, 0.4])
def test_the_score_rises_with_what_was_gained_and_falls_with_what_was_lost(margin):
    """Barnard's condition: with it, the worst case of "dropped by more" is "dropped by just that much"."""
    pairs = 30
    for gained in range(pairs):
        for lost in range(pairs - gained):
            here = float(score(gained, lost, pairs, -margin))
            assert float(score(gained + 1, lost, pairs, -margin)) >= here - 1e-9
            assert float(score(gained, lost + 1, pairs, -margin)) <= here + 1e-9


def _by_hand(flips, difference, differing):
    """The chance of a score as high, over every table there is."""
    pairs, seen = flips.pairs, float(score(flips.gained, flips.lost, flips.pairs, difference))
    gaining = (differing + difference) / 2
    shares = [gaining, differing - gaining, 1 - differing]
    return sum(
        multinomial.pmf([gained, lost, pairs - gained - lost], pairs, shares)
        for gained in range(pairs + 1)
        for lost in range(pairs + 1 - gained)
        if float(score(gained, lost, pairs, difference)) >= seen - 1e-9
    )


@pytest.mark.parametrize(
    ("gained", "lost", "difference"), [(1, 1, -0.2), (3, 2, -0.1), (0, 0, -0.15), (2, 6, 0.1)]
)
def test_the_p_value_is_the_largest_chance_over_the_unknown_share(gained, lost, difference):
    flips = Flips(14, gained, lost)
    by_hand = max(
        _by_hand(flips, difference, differing) for differing in np.linspace(abs(difference) + 1e-9, 1, 60)
    )
    assert chance_if_at_most(flips, difference) >= by_hand - 1e-9
    assert chance_if_at_most(flips, difference) == pytest.approx(by_hand, rel=0.02)


def test_nothing_flipped_in_so_many_pairs():
    """All of them must have had the chance to be lost: (1 - 0.02)^n, which is below 5% from 149 on."""
    assert chance_if_at_most(Flips(148, 0, 0), -0.02) == pytest.approx(0.98**148)
    assert chance_if_at_most(Flips(148, 0, 0), -0.02) > 0.05 > chance_if_at_most(Flips(149, 0, 0), -0.02)


def test_with_no_margin_it_is_never_surer_than_the_sign_test_is_on_all_that_flipped():
    flips = Flips(100, 30, 12)
    sign = binomtest(30, 42, alternative="greater").pvalue
    assert 0.2 * sign < chance_if_at_most(flips, 0.0) < 2 * sign


@pytest.mark.parametrize(("pairs", "gained", "lost"), [(30, 0, 0), (135, 3, 16), (400, 60, 20), (40, 40, 0)])
def test_bounds_hold_the_observed_difference_and_are_where_the_tests_turn(pairs, gained, lost):
    flips = Flips(pairs, gained, lost)
    interval = difference_interval(flips, 0.95)
    assert -1 <= interval.low <= flips.difference <= interval.high <= 1
    for bound, chance in ((interval.low, chance_if_at_most), (interval.high, chance_if_at_least)):
        outside = bound + (2e-4 if chance is chance_if_at_least else -2e-4)
        inside = bound + (-2e-4 if chance is chance_if_at_least else 2e-4)
        assert abs(bound) == 1 or chance(flips, outside) <= 0.05 + 5e-3
        assert abs(inside) > 1 or chance(flips, inside) > 0.05 - 5e-3


@pytest.mark.parametrize(
    ("pairs", "differing", "draws"), [(134, 0.02, 4000), (134, 0.05, 4000), (200, 0.1, 2000)]
)
def test_a_drop_of_just_the_margin_passes_in_at_most_5_percent(pairs, differing, draws):
    """134 pairs are where Tango's score alone errs most: 6.7% where every pair that differs is lost."""
    margin, gaining = 0.02, (differing - 0.02) / 2
    random = np.random.default_rng(pairs)
    drawn = random.multinomial(pairs, [gaining, gaining + margin, 1 - differing], draws)
    tables, counts = np.unique(drawn[:, :2], axis=0, return_counts=True)
    flips = [Flips(pairs, int(gained), int(lost)) for gained, lost in tables]
    error = 3 * (0.05 * 0.95 / draws) ** 0.5
    assert counts[[chance_if_at_most(each, -margin) <= 0.05 for each in flips]].sum() / draws <= 0.05 + error
    assert counts[[chance_if_at_least(each, -margin) < 0.05 for each in flips]].sum() / draws <= 0.05 + error


def test_the_score_alone_would_pass_too_often():
    """What the exact test is there for: with nothing lost in 134 pairs the score is already above 1.645."""
    assert float(score(0, 0, 134, -0.02)) > 1.645
    assert chance_if_at_most(Flips(134, 0, 0), -0.02) == pytest.approx(0.98**134)


@pytest.mark.parametrize(("drop", "least"), [(0.0, 0.35), (-0.02, 0.75), (-0.05, 0.95)])
def test_power_at_three_effects(drop, least):
    """300 pairs, a margin of 2 points, 6% of pairs differ (those that differ all gained, at the third)."""
    pairs, margin, draws, differing = 300, 0.02, 400, 0.06
    gaining = (differing - drop) / 2
    drawn = np.random.default_rng(1).multinomial(pairs, [gaining, differing - gaining, 1 - differing], draws)
    tables, counts = np.unique(drawn[:, :2], axis=0, return_counts=True)
    passed = [chance_if_at_most(Flips(pairs, int(g), int(b)), -margin) <= 0.05 for g, b in tables]
    assert counts[passed].sum() / draws >= least
