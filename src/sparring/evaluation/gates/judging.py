"""Gates: what a run is held against, and what comes of it.

*Pass* is said of a demand that is shown to be met, *fail* of one that is shown not to be; else the gate is
*inconclusive*. Every gate must pass by itself, which errs no more often than each of them does (an intersection-union
test, Berger 1982, Technometrics 24:295-300). A run fails if any gate fails, so these claims share the error (Holm).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sparring.evaluation.gates.claims import Claim, holm
from sparring.evaluation.gates.drop import claim_of_drop
from sparring.evaluation.gates.reading import check_reading, read_at
from sparring.evaluation.gates.settings import Gates
from sparring.evaluation.gates.shares import claim_of_all, claims_of_classes
from sparring.evaluation.gates.words import demand_words, reason_words
from sparring.storage import Run
from sparring.storage.baseline import Baseline

__all__ = ["Judged", "Judgement", "gate_lines", "judge", "judged_run"]

ONLY_FAILS = ("smoke",)
"""Suites that are too weak to pass a model."""
UNTRUSTED = ("invalid", "incomplete")
"""Verdicts on the evaluation itself, which no gate can change."""


@dataclass(frozen=True)
class Judged:
    """What one gate came to; an entry of `gates` in `result.json`.

    Attributes:
        name: `min_robust_accuracy`, `min_class_accuracy` or `max_drop`.
        text: What it demands, in words.
        demand: The least share, or the greatest drop.
        verdict: pass, fail or inconclusive.
        reason: Why, in words.
        observed: The share or the drop in these samples.
        low: Its lower one-sided bound.
        high: Its upper one-sided bound.
        level: Of each bound; None where it was counted, not estimated.
        samples: How many samples or pairs it rests on.
        needed: How many would decide, if it is inconclusive and a number is known.
        label: The class that decided, None for all.
        failed: All classes that fail.
        eps: At which size the curve was read; None where the threat has a budget.
    """

    name: str
    text: str
    demand: float
    verdict: str
    reason: str
    observed: float | None
    low: float
    high: float
    level: float | None
    samples: int
    needed: int | None = None
    label: int | None = None
    failed: tuple[int, ...] = ()
    eps: float | None = None

    @property
    def line(self) -> str:
        """The gate in one line."""
        return f"{self.text}: {self.verdict}: {self.reason}"


@dataclass(frozen=True)
class Judgement:
    """The verdict on a run, and on each gate."""

    verdict: str
    gates: tuple[Judged, ...]


def judge(run: Run, gates: Gates, baseline: Baseline | None = None) -> Judgement:
    """Hold a run against gates; nothing is searched.

    Args:
        run: What an audit found.
        gates: What is demanded.
        baseline: What `max_drop` is measured against.

    Raises:
        UsageError: The gates cannot be judged, or the baseline does not fit the run.
    """
    gates.check(baseline)
    check_reading(gates, run.result["threat"]["text"])
    read = run if gates.eps is None else read_at(run, gates.eps)
    claims = {
        name: _claims(name, demand, read, gates.level, baseline) for name, demand in gates.demands.items()
    }
    every = [claim for group in claims.values() for claim in group]
    refuted = holm([claim.p_fail for claim in every], 1 - gates.level)
    failing = frozenset(claim for claim, wrong in zip(every, refuted, strict=True) if wrong)
    judged = tuple(_judged(group, failing, read.result, gates) for group in claims.values())
    return Judgement(_verdict(run, [each.verdict for each in judged]), judged)


def judged_run(run: Run, judgement: Judgement) -> Run:
    """The run with its verdict; what an earlier judgement said of it is gone."""
    earlier = gate_lines(run.result)
    kept = [reason for reason in run.result["reasons"] if reason not in earlier]
    gates = [asdict(each) | {"failed": list(each.failed)} for each in judgement.gates]
    reasons = [*kept, *(each.line for each in judgement.gates)]
    return replace(
        run, result={**run.result, "verdict": judgement.verdict, "reasons": reasons, "gates": gates}
    )


def gate_lines(result: Mapping[str, Any]) -> list[str]:
    """What the gates of a `result.json` say, a line each."""
    return [f"{gate['text']}: {gate['verdict']}: {gate['reason']}" for gate in result.get("gates") or []]


def _claims(name: str, demand: float, run: Run, level: float, baseline: Baseline | None) -> list[Claim]:
    if name == "min_robust_accuracy":
        return [claim_of_all(run, demand, level)]
    if name == "min_class_accuracy":
        return claims_of_classes(run, demand, level)
    assert baseline is not None  # checked with the gates
    return [claim_of_drop(run, baseline, demand, level)]


def _judged(
    group: Sequence[Claim], failing: Collection[Claim], result: Mapping[str, Any], gates: Gates
) -> Judged:
    """What came of one gate, told by the claim that decided it."""
    level = gates.level
    failed, unmet = (
        [claim for claim in group if claim in failing],
        [claim for claim in group if not claim.met],
    )
    claim = min(failed, key=lambda each: (each.p_fail, each.best)) if failed else _weakest(unmet or group)
    weak = result["suite"]["name"] in ONLY_FAILS
    verdict = "fail" if failed else "inconclusive" if unmet or weak else "pass"
    needed = _needed(claim, result, level) if verdict == "inconclusive" else None
    low, high = sorted((claim.worst, claim.best))
    return Judged(
        name=claim.gate,
        text=demand_words(claim.gate, claim.demand, gates.eps),
        demand=claim.demand,
        verdict=verdict,
        reason=reason_words(claim, verdict, result, level, needed, max(0, len(failed) - 1)),
        observed=claim.observed,
        low=low,
        high=high,
        level=None if claim.exact else level,
        samples=claim.samples,
        needed=needed,
        label=claim.label,
        failed=tuple(each.label for each in failed if each.label is not None),
        eps=gates.eps,
    )


def _needed(claim: Claim, result: Mapping[str, Any], level: float) -> int | None:
    """Samples to draw, in two digits that are not zero, if so many exist and chance is what stands in the way."""
    if claim.met or claim.exact or claim.risky or claim.p_fail < 1 - level:
        return None
    needed, total = claim.needed(), result["data"].get("total")
    if needed is None:
        return None
    needed = max(needed, result["samples"] + 1)
    unit = 10 ** max(0, len(str(needed)) - 2)
    rounded = -(-needed // unit) * unit
    return None if total and rounded > total else rounded


def _weakest(group: Sequence[Claim]) -> Claim:
    """The class with the least to show for it; gates over all samples make one claim."""
    return min(group, key=lambda claim: claim.worst)


def _verdict(run: Run, verdicts: Sequence[str]) -> str:
    """The worst of the gates', unless the evaluation itself cannot be trusted."""
    if run.verdict in UNTRUSTED:
        return run.verdict
    return next(word for word in ("fail", "inconclusive", "pass") if word in verdicts)
