"""What a detector is worth: false alarms, detection of who does not know it, and of who does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.detect.attackers import Ring, Watch
from sparring.detect.detector import Detector
from sparring.detect.view import View
from sparring.engine.ask import Look
from sparring.evaluation.statistics import Interval, exact_interval
from sparring.threat import Threat

__all__ = ["AtRate", "Evaluation", "auroc", "evaluate"]

RATES = (0.05, 0.01)


@dataclass(frozen=True)
class AtRate:
    """What a detector does at one promised rate of false alarms.

    Args:
        rate: Promised.
        threshold: Its score.
        false_alarms: Clean samples that are flagged.
        accepted: Clean samples that are classified correctly and not flagged.
        caught: Adversarial inputs of the attacker who does not know the detector that are flagged.
        evaded: Samples, of those accepted, for which a wrong answer was found that is not flagged: by who knows it.
        unaware_robust: Accepted samples that the attacker who does not know the detector leaves right or gets flagged.
    """

    rate: float
    threshold: float
    false_alarms: int
    accepted: int
    caught: int
    evaded: int
    unaware_robust: int

    @property
    def robust(self) -> int:
        """Samples classified correctly, not flagged, and never accepted with another class: an upper bound."""
        return self.accepted - self.evaded


@dataclass(frozen=True)
class Evaluation:
    """A detector under a threat.

    Args:
        samples: How many clean samples were looked at.
        clean_correct: How many of them the model gets right.
        broken: How many of those the model without a detector loses to the attacker who does not know of one.
        half_robust: How many it keeps at half of eps.
        auroc_unaware, auroc_aware: Chance that an adversarial input has a higher score than a clean one, for who does
            not know the detector, and for who does (the last point of the attack, whether flagged or not); None
            where nothing was broken.
        rates: A line per rate, the largest first.
        forwards, backwards: What it cost, in all.
    """

    samples: int
    clean_correct: int
    broken: int
    half_robust: int
    auroc_unaware: float | None
    auroc_aware: float | None
    rates: tuple[AtRate, ...]
    forwards: int
    backwards: int

    @property
    def robust_of_model(self) -> int:
        """What the model without a detector keeps."""
        return self.clean_correct - self.broken

    def share(self, count: int) -> Interval:
        """Interval for a share of the samples."""
        return exact_interval(count, self.samples)

    def plausible(self, count: int) -> bool:
        """Whether so many robust samples at eps can be believed, by what the model keeps at half of eps.

        A detector that withstands eps gives a classifier that withstands eps / 2, if an inefficient one (Tramèr 2022,
        https://arxiv.org/abs/2107.11630). A claim whose lower limit is above what the model itself keeps there claims
        the discovery of a much better classifier; more likely is that the attack was too weak.
        """
        return self.share(count).low <= self.share(self.half_robust).high


def evaluate(
    view: View,
    detector: Detector,
    samples: Samples,
    threat: Threat,
    *,
    rates: Sequence[float] = RATES,
    level: float | None = None,
    steps: int = 100,
    seed: int = 0,
    stand_in: Callable[[Look], Look] | None = None,
    watch: Watch = lambda what, progress: None,
) -> Evaluation:
    """Attack the model with and without knowledge of its detector (`attackers.py`).

    Cost: about `2 * steps` forwards and backwards per sample without; up to `7 * steps` forwards and
    `12 * steps` backwards with it.

    Args:
        view: Of the model.
        detector: Fitted on other samples than these.
        samples: Clean.
        threat: Linf, L2 or L1.
        rates: Promised rates of false alarms.
        level: For thresholds with the promise about this very calibration.
        steps: Of each climb.
        seed: Of all draws.
        stand_in: Makes what is climbed in place of a model whose own gradients are stopped (`straight_through`).
        watch: Told what is being done and how far it is.

    Raises:
        DataError: The samples do not suit the detector, or it has too few calibration scores for a rate.
    """
    bounds = {rate: detector.threshold(rate, level) for rate in sorted(rates, reverse=True)}
    clean = detector.of(view, samples.inputs)
    correct = view.of(samples.inputs).logits.argmax(1) == samples.labels
    ring = Ring(
        view, detector, samples, threat.bind(samples.inputs, samples.domain), steps, seed, watch, stand_in
    )
    unaware, half = ring.unaware(correct), ring.unaware(correct, share=0.5)
    scores = detector.of(view, unaware.points)
    lines, known, spent = [], unaware, [unaware, half]
    evaded = torch.zeros_like(correct)
    for rate, bound in bounds.items():
        # an attack that stays below a threshold stays below every higher one
        aware = ring.aware(correct & (clean <= bound) & ~evaded, bound, unaware.points)
        evaded = evaded | aware.hit
        known = known.with_hits_of(aware)
        spent.append(aware)
        lines.append(_line(rate, bound, correct, clean, scores, unaware.hit, evaded))
    return Evaluation(
        samples=len(samples),
        clean_correct=int(correct.sum()),
        broken=int(unaware.hit.sum()),
        half_robust=int((correct & ~half.hit).sum()),
        auroc_unaware=auroc(clean, scores[unaware.hit]),
        auroc_aware=auroc(clean, detector.of(view, known.points[known.hit])),
        rates=tuple(lines),
        forwards=sum(each.forwards for each in spent),
        backwards=sum(each.backwards for each in spent),
    )


def _line(
    rate: float, bound: float, correct: Tensor, clean: Tensor, scores: Tensor, broken: Tensor, evaded: Tensor
) -> AtRate:
    """What came of all samples at one threshold."""
    accepted, flagged = correct & (clean <= bound), scores > bound
    return AtRate(
        rate=rate,
        threshold=bound,
        false_alarms=int((clean > bound).sum()),
        accepted=int(accepted.sum()),
        caught=int((broken & flagged).sum()),
        evaded=int((evaded & accepted).sum()),
        unaware_robust=int((accepted & ~(broken & ~flagged)).sum()),
    )


def auroc(clean: Tensor, attacked: Tensor) -> float | None:
    """The chance that one of `attacked` is above one of `clean`, ties counted as half; None where there are none.

    >>> auroc(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 3.0]))
    0.875
    """
    if not (len(clean) and len(attacked)):
        return None
    above = (attacked[:, None] > clean).double() + 0.5 * (attacked[:, None] == clean).double()
    return float(above.mean())
