"""Robust accuracy held against that of a baseline, sample by sample."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from sparring.errors import UsageError
from sparring.evaluation.gates.claims import Claim, Sampling, sampling_of
from sparring.evaluation.gates.noninferiority import (
    Flips,
    chance_if_at_least,
    chance_if_at_most,
    difference_interval,
    score,
)
from sparring.evaluation.gates.power import MOST
from sparring.evaluation.gates.shares import risk_error
from sparring.evaluation.risk import Risk, risk_of
from sparring.storage import Run
from sparring.storage.baseline import Baseline, statuses_of, suite_of
from sparring.storage.tables import STANDING, UNSETTLED

__all__ = ["check_baseline", "claim_of_drop", "drop_claim"]

FEWEST = 30
"""Fewer pairs tell nothing."""


def check_baseline(base: Baseline, threat: str, suite: str, keys: Collection[tuple[str, int]]) -> None:
    """Refuse a baseline that has nothing to say about this run.

    Args:
        base: The baseline.
        threat: Of the run, as in `result.json`.
        suite: Its suite, as `suite_text` writes it.
        keys: (id, label) of its samples.

    Raises:
        UsageError: Another threat, another suite, or other samples.
    """
    for what, there, here in (("threat", base.threat, threat), ("suite", base.suite, suite)):
        if there != here:
            raise UsageError(
                f"{base.name} was audited under {what} {there}, this run under {here}; a drop compares like with like"
            )
    pairs, fewer = len(base.statuses.keys() & set(keys)), min(len(base.statuses), len(keys))
    if pairs < FEWEST or 2 * pairs < fewer:
        raise UsageError(
            f"{base.name} shares {pairs:,} of its {len(base.statuses):,} samples with the {len(keys):,} of this run; a "
            f"drop needs {FEWEST} and half of the smaller of both, so audit both models on the same data"
        )


def claim_of_drop(run: Run, base: Baseline, margin: float, level: float) -> Claim:
    """That robust accuracy is at most `margin` below the baseline's.

    Raises:
        UsageError: The baseline does not fit the run.
    """
    now = statuses_of(run)
    check_baseline(base, run.result["threat"]["text"], suite_of(run.result), now)
    pairs = [(base.statuses[key], now[key]) for key in now if key in base.statuses]
    sampling = _sampling(run, base, len(pairs))
    missed = [
        _missed([pair[place] for pair in pairs], risk, risk_error(sampling, level))
        for place, risk in ((0, risk_of({"risk": base.risk})), (1, risk_of(run.result)))
    ]
    optimist = _flips(pairs, False)
    optimist = _swapped(_losing(_swapped(optimist), missed[0]))
    spent = (
        risk_error(sampling, level) if sampling.drawn and any("gave_up" in pair for pair in pairs) else 0.0
    )
    return drop_claim(_flips(pairs, True), optimist, sampling, margin, level, missed[1], spent)


def _missed(statuses: Sequence[str], risk: Risk, error: float) -> int:
    """At most so many of the samples given up would have been broken."""
    given_up = sum(status == "gave_up" for status in statuses)
    return min(given_up, risk.most(error)) if risk.given_up else given_up


def drop_claim(
    pessimist: Flips,
    optimist: Flips,
    sampling: Sampling,
    margin: float,
    level: float,
    missed: int = 0,
    spent: float = 0.0,
) -> Claim:
    """That a paired share dropped by at most `margin`.

    Args:
        pessimist: The flips if every doubt goes against the model.
        optimist: The flips if every doubt is in its favour.
        sampling: How the pairs came out of the data.
        margin: The demand.
        level: Of each one-sided bound.
        missed: Samples that a cheap suite may have missed; the pessimist counts them as lost, too.
        spent: What of the error the bounds on missed samples take.
    """
    pairs, level, drop = pessimist.pairs, level + spent, -pessimist.difference
    basis = f"{pessimist.lost:,} lost and {pessimist.gained:,} gained of {_among(pairs, sampling)}"
    basis += f", and at most {missed:,} more missed by the suite" if missed else ""
    pessimist = _losing(pessimist, missed)
    if sampling.drawn:
        met = chance_if_at_most(pessimist, -margin) <= 1 - level
        p_fail = min(1.0, chance_if_at_least(optimist, -margin) + spent)
        worst, best = -difference_interval(pessimist, level).low, -difference_interval(optimist, level).high
        worst = min(worst, margin) if met else max(worst, margin)  # what is said never contradicts the test
        best = max(best, margin) if p_fail < 1 - level + spent else min(best, margin)
    else:
        worst, best = _worst_and_best(pessimist, optimist, sampling)
        met, p_fail = worst <= margin, float(best <= margin)

    def needed() -> int | None:
        return _pairs_needed(pessimist, margin, level)

    return Claim(
        "max_drop", margin, None, drop, worst, best, met, p_fail, not sampling.drawn, pairs, basis, needed
    )


def _worst_and_best(pessimist: Flips, optimist: Flips, sampling: Sampling) -> tuple[float, float]:
    """The greatest and the least drop, whatever the pairs give that nobody looked at."""
    if sampling.unseen is None:
        return 1.0, -1.0
    total = pessimist.pairs + sampling.unseen
    worst = (pessimist.lost - pessimist.gained + sampling.unseen) / total
    return worst, (optimist.lost - optimist.gained - sampling.unseen) / total


def _flips(pairs: list[tuple[str, str]], pessimist: bool) -> Flips:
    """Count pairs of status before and after; a doubt goes against the model, or in its favour."""
    before = (*STANDING, *UNSETTLED) if pessimist else STANDING
    after = STANDING if pessimist else (*STANDING, *UNSETTLED)
    was, held = [old in before for old, _ in pairs], [new in after for _, new in pairs]
    gained = sum(new and not old for old, new in zip(was, held, strict=True))
    lost = sum(old and not new for old, new in zip(was, held, strict=True))
    return Flips(len(pairs), gained, lost)


def _losing(flips: Flips, more: int) -> Flips:
    """The flips if `more` samples are lost: of those that did not flip, which tells least, then of those gained."""
    still = min(more, flips.pairs - flips.gained - flips.lost)
    return replace(flips, lost=flips.lost + still, gained=max(0, flips.gained - (more - still)))


def _swapped(flips: Flips) -> Flips:
    return Flips(flips.pairs, gained=flips.lost, lost=flips.gained)


def _sampling(run: Run, base: Baseline, pairs: int) -> Sampling:
    """A draw from all the data, paired with the same draw or with all the data, is a draw."""
    own = sampling_of(run.result)
    before = Sampling(base.drawn, None if base.total is None else base.total - len(base.statuses))
    drawn = any(each.drawn for each in (own, before)) and all(
        each.drawn or each.unseen == 0 for each in (own, before)
    )
    total = run.result["data"].get("total")
    return Sampling(drawn, None if total is None else max(0, total - pairs))


def _pairs_needed(flips: Flips, margin: float, level: float) -> int | None:
    """Pairs that decide nine times in ten at these shares: the score grows with the root of their number."""
    from scipy.special import ndtri

    seen = abs(float(score(flips.gained, flips.lost, flips.pairs, -margin)))
    target = float(ndtri(level) + ndtri(0.9))
    needed = flips.pairs * (target / seen) ** 2 if seen else math.inf
    return None if needed > MOST else math.ceil(needed)


def _among(pairs: int, sampling: Sampling) -> str:
    if sampling.drawn:
        return f"{pairs:,} drawn pairs"
    return f"all {pairs:,} pairs" if sampling.unseen == 0 else f"{pairs:,} pairs in a fixed order"
