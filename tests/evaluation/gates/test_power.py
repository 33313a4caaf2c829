import numpy as np
import pytest
from scipy.stats import binom

from sparring.errors import UsageError
from sparring.evaluation.gates.claims import Sampling
from sparring.evaluation.gates.power import chance_of_at_most, chance_of_decision, samples_needed
from sparring.evaluation.gates.shares import Tally, share_claim


@pytest.mark.parametrize(("n", "minimum"), [(1, 0.5), (30, 0.45), (40, 0.0), (40, 1.0), (200, 0.9)])
@pytest.mark.parametrize("rate", [0.0, 0.3, 0.45, 0.97, 1.0])
def test_the_chance_is_the_sum_over_all_counts_that_decide(n, minimum, rate):
    claims = [
        share_claim("min_robust_accuracy", Tally(n, robust, robust), Sampling(True, None), minimum, 0.95)
        for robust in range(n + 1)
    ]
    decided = [claim.met or claim.p_fail < 0.05 for claim in claims]
    expected = binom.pmf(np.arange(n + 1), n, rate)[decided].sum()
    assert chance_of_decision(n, rate, minimum) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("successes", "trials", "share"), [(-1, 5, 0.3), (0, 5, 0.3), (3, 5, 0.3), (5, 5, 0.3)]
)
def test_the_binomial_sum_is_the_one_of_scipy(successes, trials, share):
    assert chance_of_at_most(successes, trials, share) == pytest.approx(binom.cdf(successes, trials, share))


@pytest.mark.parametrize(("rate", "minimum"), [(0.5, 0.45), (0.4, 0.45), (1.0, 0.9), (0.62, 0.6)])
def test_so_many_samples_decide_nine_times_in_ten_and_one_fewer_does_not(rate, minimum):
    needed = samples_needed(rate, minimum)
    assert needed is not None
    assert chance_of_decision(needed, rate, minimum) >= 0.9 > chance_of_decision(needed - 1, rate, minimum)


def test_a_perfect_model_needs_as_many_samples_as_the_rule_of_three_says():
    assert samples_needed(1.0, 0.9) == 29  # 0.9^29 < 0.05
    assert samples_needed(1.0, 1.0) is None


def test_no_number_decides_at_the_minimum_itself():
    assert samples_needed(0.45, 0.45) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: chance_of_decision(0, 0.5, 0.5),
        lambda: chance_of_decision(10, 1.5, 0.5),
        lambda: chance_of_decision(10, 0.5, 0.5, level=0.05),
        lambda: samples_needed(0.5, 0.4, power=90),
    ],
)
def test_nonsense_is_refused(call):
    with pytest.raises(UsageError):
        call()
