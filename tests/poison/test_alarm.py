"""The alarm keeps its rate whatever the scores are, and finds what trusted samples lack."""

from math import log

import torch

from sparring.evaluation.statistics import exact_interval
from sparring.poison.alarm import EVERYWHERE, fewest_findable, judge

LABELS = torch.arange(3).repeat(60)


def _trusted(generator, share=0.4):
    return torch.rand(len(LABELS), generator=generator) < share


def test_clean_data_raise_the_alarm_as_often_as_promised():
    """400 times: scores with heavy tails and ties, unlike from class to class; trusted ones drawn at random."""
    generator, alarms = torch.Generator().manual_seed(0), 0
    for seed in range(400):
        scores = {
            "heavy": torch.rand(180, generator=generator) ** -2 * (LABELS + 1),
            "ties": torch.randint(0, 3, (180,), generator=generator).float(),
        }
        alarms += judge(scores, LABELS, _trusted(generator), 39, seed).p_value <= 0.1
    interval = exact_interval(alarms, 400, 0.99)
    assert interval.low <= 0.1
    assert alarms > 0.02 * 400  # and it is no alarm that never goes off


def test_equal_scores_in_a_telling_order_raise_no_alarm():
    """All trusted samples stand last and all scores are equal: the order must not matter."""
    trusted = torch.zeros(180, dtype=torch.bool)
    trusted[90:] = True
    values = [judge({"flat": torch.zeros(180)}, LABELS, trusted, 99, seed).p_value for seed in range(40)]
    assert sum(value <= 0.1 for value in values) <= 12


def test_a_planted_group_is_named():
    generator = torch.Generator().manual_seed(1)
    trusted, scores = _trusted(generator), torch.rand(180, generator=generator)
    planted = ((LABELS == 1) & ~trusted).nonzero()[:20, 0]
    scores[planted] += 1
    alarm = judge({"blind": torch.rand(180, generator=generator), "seeing": scores}, LABELS, trusted, 199)
    first = alarm.peaks[0]
    assert (first.detector, first.label) == ("seeing", 1)
    assert alarm.p_value == first.p_value == 1 / 200
    assert set(planted.tolist()) <= set(first.rows.tolist())
    assert first.trusted == int(trusted[first.rows].sum())


def test_a_few_in_every_class_are_found_together():
    generator = torch.Generator().manual_seed(2)
    trusted, scores = _trusted(generator), torch.rand(180, generator=generator)
    for label in range(3):
        scores[((label == LABELS) & ~trusted).nonzero()[:7, 0]] += 1
    assert judge({"seeing": scores}, LABELS, trusted, 199).peaks[0].label == EVERYWHERE


def test_low_scores_of_untrusted_samples_are_no_alarm():
    generator = torch.Generator().manual_seed(3)
    trusted, scores = _trusted(generator), torch.rand(180, generator=generator)
    scores[((LABELS == 1) & ~trusted).nonzero()[:20, 0]] -= 1
    assert judge({"seeing": scores}, LABELS, trusted, 199).p_value > 0.05


def test_the_evidence_is_the_likelihood_ratio():
    """By hand: ten of a class stand out, none of them trusted, half of the class is; 6 to 9 of them are looked at."""
    labels = torch.tensor([0] * 20 + [1] * 20)
    trusted = torch.tensor(([False] * 10 + [True] * 10) * 2)
    scores = torch.zeros(40)
    scores[:10] = torch.linspace(2, 1, 10)
    peak = judge({"seeing": scores}, labels, trusted, 99).peaks[0]
    mean = sum((1 + purity) ** size for purity in (0.5, 0.7, 0.9) for size in range(6, 10)) / 12
    assert (peak.label, len(peak.rows), peak.trusted, peak.expected) == (0, 9, 0, 4.5)
    assert abs(peak.evidence - log(mean)) < 1e-9


def test_fifteen_poisoned_samples_are_enough_where_a_third_are_trusted():
    """They lie in front of one class by one of four detectors: 0.5% of 3,000 samples."""
    generator = torch.Generator().manual_seed(4)
    labels = torch.arange(10).repeat(450)
    trusted = torch.rand(4500, generator=generator) < 1 / 3
    scores = {name: torch.randn(4500, generator=generator) for name in "abcd"}
    scores["a"][((labels == 3) & ~trusted).nonzero()[:15, 0]] += 6
    assert judge(scores, labels, trusted, 199).p_value <= 0.05


def test_classes_may_have_unlike_shares_of_trusted_samples():
    """Were trust handed out across classes, the class with many trusted samples would always look poisoned."""
    generator = torch.Generator().manual_seed(5)
    share = torch.tensor([0.95, 0.3, 0.3])[LABELS]
    trusted, scores = torch.rand(180, generator=generator) < share, torch.rand(180, generator=generator)
    assert judge({"blind": scores}, LABELS, trusted, 199).p_value > 0.05
    scores[((LABELS == 1) & ~trusted).nonzero()[:20, 0]] += 1
    assert judge({"seeing": scores}, LABELS, trusted, 199).p_value <= 0.05


def test_how_few_can_be_found():
    trusted = torch.zeros(180, dtype=torch.bool)
    trusted[:90] = True
    assert fewest_findable(LABELS, trusted, 0.05, 1) == 6  # 0.5 ** 6 < 0.05 / (1 + 1/2 + 1/3 + 1/9)
    trusted[LABELS == 2] = False
    assert fewest_findable(LABELS, trusted, 0.05, 1) is None


def test_a_class_of_trusted_samples_only_is_no_obstacle():
    trusted = torch.zeros(180, dtype=torch.bool)
    trusted[:90] = True
    trusted[LABELS == 2] = True
    assert fewest_findable(LABELS, trusted, 0.05, 1) == 6
