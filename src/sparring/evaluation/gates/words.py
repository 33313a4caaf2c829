"""What a gate came to, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparring.evaluation.gates.claims import Claim, sampling_of

__all__ = ["demand_words", "reason_words"]

_DEMANDS = {
    "min_robust_accuracy": "robust accuracy at least {:g}%",
    "min_class_accuracy": "robust accuracy of every class at least {:g}%",
    "max_drop": "drop against the baseline at most {:g} points",
}
_SHARES = {
    "pass": "at least {worst}%",
    "fail": "at most {best}%",
    "inconclusive": "between {worst}% and {best}%",
    "counted": "{best}%",
}
_DROPS = {
    "pass": "a drop of at most {worst} points",
    "fail": "a drop of at least {best} points",
    "inconclusive": "a drop between {best} and {worst} points",
    "counted": "a drop of {best} points",
}
_SMOKE = "suite smoke may fail a model and never pass one, so audit with suite standard"
_ORDER = "these are neither all samples nor a random draw, so audit all, or some with --sample"
_DOUBT = "the samples that are not settled decide"
_RISK = "what suite {} may have missed stands in the way, so audit with suite standard, or on more samples"
_NOTHING = "no number of samples is likely to decide"


def demand_words(gate: str, demand: float, eps: float | None = None) -> str:
    """What a gate demands, at the size `eps` where it is read off a curve.

    >>> demand_words("min_robust_accuracy", 0.45)
    'robust accuracy at least 45%'
    >>> demand_words("max_drop", 0.01)
    'drop against the baseline at most 1 point'
    >>> demand_words("min_robust_accuracy", 0.45, 0.5)
    'robust accuracy at least 45% at eps 0.5'
    """
    size = round(100 * demand, 6)
    words = _DEMANDS[gate].format(size).removesuffix("s" if gate == "max_drop" and size == 1 else "")
    return words if eps is None else f"{words} at eps {eps:.6g}"


def reason_words(
    claim: Claim, outcome: str, result: Mapping[str, Any], level: float, needed: int | None, others: int
) -> str:
    """Why the claim that decided a gate came to `outcome`.

    Args:
        claim: The one that decided.
        outcome: pass, fail or inconclusive.
        result: Of the run, as in `result.json`.
        level: Of each one-sided bound.
        needed: Samples that would decide, None if nobody knows a number.
        others: How many other classes fail.
    """
    basis = f"({claim.basis}, {_counted(claim) if claim.exact else f'{100 * level:g}% bounds'})"
    ends = [f"so do {others:,} other classes" if others else "", _above_clean(claim, result)]
    if outcome == "pass":
        ends.insert(0, f"not broken by suite {result['suite']['name']} at this budget")
    if outcome == "inconclusive":
        ends.insert(0, _remedy(claim, result, level, needed))
    return "; ".join([f"{_who(claim, outcome, result)}{_size(claim, outcome)} {basis}", *filter(None, ends)])


def _who(claim: Claim, outcome: str, result: Mapping[str, Any]) -> str:
    """The class that decided."""
    if claim.label is None:
        return ""
    names = result["data"].get("classes") or []
    name = f"class {names[claim.label]}" if 0 <= claim.label < len(names) else f"class {claim.label}"
    return f"the least robust, {name}, " if outcome == "pass" else f"{name} "


def _size(claim: Claim, outcome: str) -> str:
    """The bounds that matter."""
    forms = _DROPS if claim.gate == "max_drop" else _SHARES
    # a claim that is met and still not passed has something to show
    form = "counted" if claim.worst == claim.best else "pass" if claim.met else outcome
    worst, best = (_number(value, claim.demand) for value in (claim.worst, claim.best))
    return forms[form].format(worst=worst, best=best)


def _number(value: float, demand: float) -> str:
    """A share in percent, with as many decimals as it takes not to move it across the demand."""
    limit = round(100 * demand, 9)
    for places in (1, 2, 3, 4):
        text = f"{100 * value:.{places}f}"
        if (float(text) > limit, float(text) < limit) == (value > demand, value < demand):
            return text
    return f"{100 * value:.6g}"


def _counted(claim: Claim) -> str:
    """What a bound without a level is."""
    return (
        "counted, which says nothing of other data"
        if claim.worst == claim.best
        else "whatever the others give"
    )


def _remedy(claim: Claim, result: Mapping[str, Any], level: float, needed: int | None) -> str:
    """What would decide."""
    if claim.met or claim.risky:
        return _SMOKE if claim.met else _RISK.format(result["suite"]["name"])
    if claim.exact:
        return _ORDER if sampling_of(result).unseen != 0 else _DOUBT
    if claim.p_fail < 1 - level:
        return "by itself this would fail, but not as one of several claims that share the error"
    if not claim.samples:
        return "no sample of it was drawn"
    if needed is not None:
        return f"about {needed:,} samples would decide nine times in ten, if the share stays"
    total = result["data"].get("total")
    return f"no draw from {total:,} samples is likely to decide, so audit all of them" if total else _NOTHING


def _above_clean(claim: Claim, result: Mapping[str, Any]) -> str:
    """A minimum that no robustness could meet."""
    clean = result["clean_correct"] / max(result["samples"], 1)
    if claim.gate != "min_robust_accuracy" or claim.demand <= clean:
        return ""
    return f"even without an attack only {clean:.1%} are classified correctly"
