"""Thresholds keep what they promise, and say how many samples that takes."""

import pytest
import torch
from scipy.stats import betabinom

from sparring.detect.conformal import needed, p_values, threshold
from sparring.errors import DataError, UsageError


def _false_alarms(count, fresh, rate, level, splits=400):
    """Fresh clean scores that are flagged, for each of many independent calibrations."""
    torch.manual_seed(3)
    flagged = []
    for _ in range(splits):
        scores = torch.randn(count + fresh).exp()  # any distribution will do
        flagged.append(int((scores[count:] > threshold(scores[:count], rate, level)).sum()))
    return torch.tensor(flagged).double()


@pytest.mark.parametrize(("count", "rate"), [(99, 0.05), (150, 0.1)])
def test_on_average_no_more_than_the_rate_is_flagged_as_the_beta_binomial_says(count, rate):
    fresh, splits = 200, 400
    flagged = _false_alarms(count, fresh, rate, None, splits)
    place = -int(-(count + 1) * (1 - rate) // 1)
    expected = betabinom(fresh, count + 1 - place, place)
    assert expected.mean() / fresh <= rate + 1e-12
    error = expected.std() / splits**0.5
    assert abs(flagged.mean() - expected.mean()) < 3.5 * error
    assert 0.8 < flagged.std() / expected.std() < 1.2


def test_with_a_level_few_calibrations_exceed_the_rate():
    # what a calibration's rate really is: the share of the exponential of a normal above its threshold
    torch.manual_seed(4)
    normal = torch.distributions.Normal(0.0, 1.0)
    real = [1 - normal.cdf(torch.tensor(threshold(torch.randn(200), 0.05, 0.95))) for _ in range(600)]
    over = (torch.stack(real) > 0.05).double().mean()
    assert over <= 0.05 + 3 * (0.05 * 0.95 / 600) ** 0.5
    marginal = [1 - normal.cdf(torch.tensor(threshold(torch.randn(200), 0.05))) for _ in range(600)]
    assert (torch.stack(marginal) > 0.05).double().mean() > 0.3


def test_too_few_samples_are_told_with_the_number_needed():
    with pytest.raises(DataError, match=r"at least 99 clean samples .* there are 98"):
        threshold(torch.arange(98.0), 0.01)
    assert threshold(torch.arange(99.0), 0.01) == 98.0
    with pytest.raises(DataError, match="at least 299"):
        threshold(torch.arange(298.0), 0.01, 0.95)
    assert threshold(torch.arange(299.0), 0.01, 0.95) == 298.0


def test_the_conditional_threshold_is_never_below_the_marginal_one():
    scores = torch.randn(500)
    assert threshold(scores, 0.05, 0.95) > threshold(scores, 0.05)
    assert needed(0.05, 0.95) > needed(0.05)


def test_p_values_of_clean_scores_are_uniform():
    torch.manual_seed(5)
    found = p_values(torch.randn(999), torch.randn(4000))
    assert found.mean() == pytest.approx(0.5, abs=0.03)
    assert (found <= 0.05).double().mean() == pytest.approx(0.05, abs=0.03)


@pytest.mark.parametrize(("rate", "level"), [(0.0, None), (1.0, None), (0.05, 1.0)])
def test_rates_that_make_no_sense_are_refused(rate, level):
    with pytest.raises(UsageError, match="between 0 and 1"):
        threshold(torch.arange(100.0), rate, level)
