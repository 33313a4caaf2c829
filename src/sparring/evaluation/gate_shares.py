"""Robust accuracy, of all samples or of each class, held against a minimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from sparring.evaluation.gate_claims import Claim, Sampling, sampling_of
from sparring.evaluation.gate_power import chance_of_at_most, samples_needed
from sparring.evaluation.statistics import exact_interval
from sparring.storage import Run

__all__ = ["Tally", "claim_of_all", "claims_of_classes", "share_claim"]

SETTLED = ("robust", "broken", "clean_error")


@dataclass(frozen=True)
class Tally:
    """Counted samples; of a model that answers at random, sums of the shares of its draws that are right.

    Attributes:
        samples: All of them.
        robust: Those that withstood everything.
        possible: Those and the ones that are not settled.
    """

    samples: int
    robust: float
    possible: float


def claim_of_all(run: Run, minimum: float, level: float) -> Claim:
    """That robust accuracy is at least `minimum`."""
    tally = _tally(_standing(run))
    return share_claim("min_robust_accuracy", tally, sampling_of(run.result), minimum, level)


def claims_of_classes(run: Run, minimum: float, level: float) -> list[Claim]:
    """That robust accuracy is at least `minimum` in each class, the ones without a sample here included."""
    labels, every = run.records["label"].to_pylist(), _standing(run)
    parts: dict[int, list[float | None]] = {}
    for label, stands in zip(labels, every, strict=True):
        parts.setdefault(label, []).append(stands)
    sampling = sampling_of(run.result)
    if (
        sampling.drawn or sampling.unseen != 0
    ):  # whoever looked at all the data need not wait for absent classes
        parts = {label: [] for label in range(len(run.result["data"].get("classes") or []))} | parts
    return [
        share_claim("min_class_accuracy", _tally(parts[label]), sampling, minimum, level, label, len(every))
        for label in sorted(parts)
    ]


def share_claim(
    gate: str,
    tally: Tally,
    sampling: Sampling,
    minimum: float,
    level: float,
    label: int | None = None,
    whole: int | None = None,
) -> Claim:
    """That the share of robust samples is at least `minimum`.

    Args:
        gate: For the claim.
        tally: What was counted.
        sampling: Where the samples come from.
        minimum: The demand.
        level: Of each one-sided bound.
        label: The class, if the tally is of one.
        whole: How many samples there were of all classes.
    """
    count, share = tally.samples, tally.robust / tally.samples if tally.samples else None
    low, high = _bounds(tally, sampling, level)
    p_fail = chance_of_at_most(tally.possible, count, minimum) if sampling.drawn else float(high >= minimum)

    def needed() -> int | None:
        alone = None if share is None else samples_needed(share, minimum, level=level)
        return None if alone is None else alone * (whole or count) // count

    basis = f"{tally.robust:,.{0 if tally.robust == int(tally.robust) else 1}f} of {_among(count, sampling)}"
    met = low >= minimum
    return Claim(
        gate, minimum, label, share, low, high, met, p_fail, not sampling.drawn, count, basis, needed
    )


def _bounds(tally: Tally, sampling: Sampling, level: float) -> tuple[float, float]:
    """What the share is at least and at most: by the draw, or whatever the samples give that nobody looked at."""
    if sampling.drawn and tally.samples:
        low = exact_interval(tally.robust, tally.samples, level, "lower").low
        return low, exact_interval(tally.possible, tally.samples, level, "upper").high
    if sampling.drawn or sampling.unseen is None:
        return 0.0, 1.0
    total = tally.samples + sampling.unseen
    return tally.robust / total, (tally.possible + sampling.unseen) / total


def _among(count: int, sampling: Sampling) -> str:
    if sampling.drawn:
        return f"{count:,} drawn samples"
    return f"all {count:,} samples" if sampling.unseen == 0 else f"{count:,} samples in a fixed order"


def _standing(run: Run) -> list[float | None]:
    """For each sample how much of it withstood: 1 or 0, or the share of draws that are right; None if unsettled."""
    names = ("status", "risk")
    rows = list(zip(*(run.records[name].to_pylist() for name in names), strict=True))
    if "randomised" in run.result["body"]:
        return [1 - risk if status in SETTLED and risk is not None else None for status, risk in rows]
    return [float(status == "robust") if status in SETTLED else None for status, _ in rows]


def _tally(standing: Sequence[float | None]) -> Tally:
    known = [each for each in standing if each is not None]
    # sums of hundredths, which are not exact, must not exceed what they count
    robust = min(round(fsum(known), 6), len(known))
    return Tally(len(standing), robust, robust + (len(standing) - len(known)))
