import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparring.errors import UsageError
from sparring.evaluation.statistics import exact_interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.30849710781876083),  # 1 - 0.025 ** (1 / 10)
        (10, 10, 0.6915028921812392, 1.0),
        (1, 1, 0.025, 1.0),
        (5, 10, 0.18708602844739, 0.81291397155261),  # R: binom.test(5, 10)
        (65, 256, 0.20176512758840978, 0.31184339693919814),
    ],
)
def test_two_sides_have_the_known_values(successes, trials, low, high):
    interval = exact_interval(successes, trials)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-9)


def test_one_side_spends_the_whole_error_on_it():
    assert exact_interval(0, 10, side="upper").high == pytest.approx(1 - 0.05 ** (1 / 10))
    assert exact_interval(0, 10, side="upper").low == 0.0
    assert exact_interval(10, 10, side="lower").low == pytest.approx(0.05 ** (1 / 10))
    assert exact_interval(10, 10, side="lower").high == 1.0
    assert exact_interval(7, 10, level=0.9).low == pytest.approx(
        exact_interval(7, 10, level=0.95, side="lower").low
    )


@given(st.integers(1, 60), st.floats(0.01, 0.99), st.sampled_from(["both", "lower", "upper"]))
def test_the_true_share_is_covered_at_least_as_often_as_promised(trials, share, side):
    covered = 0.0
    for successes in range(trials + 1):
        interval = exact_interval(successes, trials, 0.9, side)
        if interval.low <= share <= interval.high:
            covered += math.comb(trials, successes) * share**successes * (1 - share) ** (trials - successes)
    assert covered >= 0.9 - 1e-9


@given(st.integers(1, 500), st.data())
def test_the_interval_holds_the_observed_share_and_mirrors(trials, data):
    successes = data.draw(st.integers(0, trials))
    interval, mirrored = exact_interval(successes, trials), exact_interval(trials - successes, trials)
    assert interval.low <= successes / trials <= interval.high
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-9)


@pytest.mark.parametrize(
    ("successes", "trials", "level"), [(1, 0, 0.95), (-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0), (1, 5, 95)]
)
def test_nonsense_is_refused(successes, trials, level):
    with pytest.raises(UsageError, match="interval"):
        exact_interval(successes, trials, level)
