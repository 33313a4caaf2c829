"""Robust accuracy, of all samples or of each class, held against a minimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from sparring.evaluation.gates.claims import Claim, Sampling, sampling_of
from sparring.evaluation.gates.power import chance_of_at_most, samples_needed
from sparring.evaluation.risk import Risk, risk_of
from sparring.evaluation.statistics import exact_interval
from sparring.storage import Run
from sparring.storage.tables import STANDING

__all__ = ["Tally", "claim_of_all", "claims_of_classes", "least_share", "risk_error", "share_claim"]

SETTLED = (*STANDING, "broken", "clean_error")

_Standing = tuple[str, float | None]
"""The status of a sample, and 1 or 0, or the share of its draws that are right; None if it is not settled."""


@dataclass(frozen=True)
class Tally:
    """Counted samples; of a model that answers at random, sums of the shares of its draws that are right.

    Attributes:
        samples: All of them.
        robust: Those that nothing broke, the ones given up among them.
        possible: Those and the ones that are not settled.
        given_up: Of the robust, those that a cheap suite gave up on.
    """

    samples: int
    robust: float
    possible: float
    given_up: int = 0


NO_RISK = Risk(0, 0, 0)


def claim_of_all(run: Run, minimum: float, level: float) -> Claim:
    """That robust accuracy is at least `minimum`."""
    tally, sampling = _tally(_standing(run)), sampling_of(run.result)
    return share_claim("min_robust_accuracy", tally, sampling, minimum, level, risk=risk_of(run.result))


def claims_of_classes(run: Run, minimum: float, level: float) -> list[Claim]:
    """That robust accuracy is at least `minimum` in each class, the ones without a sample here included."""
    labels, every = run.records["label"].to_pylist(), _standing(run)
    parts: dict[int, list[_Standing]] = {}
    for label, stands in zip(labels, every, strict=True):
        parts.setdefault(label, []).append(stands)
    sampling, risk = sampling_of(run.result), risk_of(run.result)
    if (
        sampling.drawn or sampling.unseen != 0
    ):  # whoever looked at all the data need not wait for absent classes
        parts = {label: [] for label in range(len(run.result["data"].get("classes") or []))} | parts
    return [
        share_claim(
            "min_class_accuracy", _tally(parts[label]), sampling, minimum, level, label, len(every), risk
        )
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
    risk: Risk = NO_RISK,
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
        risk: What is known of the samples given up, of all classes; all that were missed may be of this one.
    """
    count, share = tally.samples, tally.robust / tally.samples if tally.samples else None
    doubt = min(tally.given_up, risk.most(risk_error(sampling, level))) if tally.given_up else 0
    low = _least(count, tally.robust - doubt, sampling, _level(tally.given_up, level))
    high = _most(tally, sampling, level)
    p_fail = chance_of_at_most(tally.possible, count, minimum) if sampling.drawn else float(high >= minimum)

    def needed() -> int | None:
        alone = None if share is None else samples_needed(share, minimum, level=level)
        return None if alone is None else alone * (whole or count) // count

    basis = f"{tally.robust:,.{0 if tally.robust == int(tally.robust) else 1}f} of {_among(count, sampling)}"
    basis += (
        f", of which standard would break at most {doubt:,} of {tally.given_up:,} given up" if doubt else ""
    )
    met = low >= minimum
    risky = not met and _least(count, tally.robust, sampling, level) >= minimum
    return Claim(
        gate,
        minimum,
        label,
        share,
        low,
        high,
        met,
        p_fail,
        not (sampling.drawn or doubt),
        count,
        basis,
        needed,
        risky,
    )


def least_share(count: int, robust: float, risk: Risk, sampling: Sampling, level: float) -> float:
    """The lower bound that a gate takes where `robust` of `count` samples are, `risk.given_up` of them given up."""
    doubt = risk.most(risk_error(sampling, level)) if risk.given_up else 0
    return _least(count, robust - doubt, sampling, _level(risk.given_up, level))


def risk_error(sampling: Sampling, level: float) -> float:
    """How often the bound on what was missed may err: half of what a gate may, if the draw takes the other half.

    Either bound is wrong no more often than that, so both hold with at least `level` (Bonferroni).
    """
    return (1 - level) / 2 if sampling.drawn else 1 - level


def _level(given_up: int, level: float) -> float:
    """Of the bound on the draw of samples: it shares the error where some were given up."""
    return (1 + level) / 2 if given_up else level


def _least(count: int, robust: float, sampling: Sampling, level: float) -> float:
    """What the share is at least: by the draw, or if all the samples break that nobody looked at."""
    if sampling.drawn and count:
        return exact_interval(robust, count, level, "lower").low
    return 0.0 if sampling.drawn or sampling.unseen is None else robust / (count + sampling.unseen)


def _most(tally: Tally, sampling: Sampling, level: float) -> float:
    """What the share is at most: by the draw, or if all the samples hold that nobody looked at."""
    if sampling.drawn and tally.samples:
        return exact_interval(tally.possible, tally.samples, level, "upper").high
    if sampling.drawn or sampling.unseen is None:
        return 1.0
    return (tally.possible + sampling.unseen) / (tally.samples + sampling.unseen)


def _among(count: int, sampling: Sampling) -> str:
    if sampling.drawn:
        return f"{count:,} drawn samples"
    return f"all {count:,} samples" if sampling.unseen == 0 else f"{count:,} samples in a fixed order"


def _standing(run: Run) -> list[_Standing]:
    """For each sample its status and how much of it withstood."""
    names = ("status", "risk")
    rows = list(zip(*(run.records[name].to_pylist() for name in names), strict=True))
    if "randomised" in run.result["body"]:
        return [
            (status, 1 - risk if status in SETTLED and risk is not None else None) for status, risk in rows
        ]
    return [(status, float(status in STANDING) if status in SETTLED else None) for status, _ in rows]


def _tally(standing: Sequence[_Standing]) -> Tally:
    known = [each for _, each in standing if each is not None]
    # sums of hundredths, which are not exact, must not exceed what they count
    robust = min(round(fsum(known), 6), len(known))
    given_up = sum(status == "gave_up" for status, _ in standing)
    return Tally(len(standing), robust, robust + (len(standing) - len(known)), given_up)
