"""What a reader of the result must know besides the numbers."""

from __future__ import annotations

from typing import Any

from sparring.evaluation.figures.right_answers import correct_answers
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan
from sparring.evaluation.risk import risk_words
from sparring.evaluation.statistics import exact_interval
from sparring.evaluation.suspicion.indicators import finding, indicators
from sparring.models.remote.target import turned_away

__all__ = ["findings_of"]

_SMOKE = "the suite smoke takes seconds: it can show that a model is weak, never that it is robust"
_RANDOMISED = (
    "the model answers equal inputs differently; attacks climbed the mean of several draws, and robust accuracy is how "
    "often the model is right in 100 fresh draws at one fixed point per sample; a sample counts as broken if it errs "
    "in most of them"
)
_NEAR_CHANCE = (
    "the model classifies hardly more clean samples correctly than guessing would; check the normalisation, the "
    "channel order and the order of the classes"
)
_NOT_A_NUMBER = (
    "some outputs or gradients were NaN or infinite; such points never count as successes, and such gradients count as "
    "zero"
)
_UNVERIFIED = (
    "the search saw a success that did not hold when it was measured again; these samples count as robust"
)
_NEVER_BROKEN = (
    "no change of any size that was tried breaks these samples, although every model has inputs of another class: the "
    "search sees too little here, so that the curve is too high"
)
_NO_FEATURES = (
    "these are rows of a table, and nobody said what their columns may become: range, step, scale, and which can "
    "change; changes that nobody can make count as breaks here; write [features], as sparring init proposes it"
)
_NO_PROGRESS = (
    "no attack raised the loss at all; gradients may be blocked, so the model may be weaker than it looks"
)


def findings_of(plan: Plan, outcome: Outcome) -> list[dict[str, Any]]:
    """Findings in the form of `result.json`: `id`, `severity`, `message`, `samples`."""
    risk, domain, unanswered = outcome.risk, plan.samples.domain, int(outcome.unanswered.sum())
    found = [
        (plan.suite == "smoke", finding("smoke", "note", _SMOKE)),
        (risk.given_up > 0, finding("given-up", "note", risk_words(risk, plan.suite), risk.given_up)),
        (plan.model.randomised, finding("randomised", "warning", _RANDOMISED)),
        (domain.is_table and domain.observed, finding("no-features", "error", _NO_FEATURES)),
        (_near_chance(outcome), finding("near-chance", "warning", _NEAR_CHANCE)),
        (outcome.unadapted is not None, finding("defence", "note", _beside(plan, outcome))),
        (unanswered > 0, finding("turned-away", "warning", _turned_away(plan, outcome), unanswered)),
        *_counted(plan, outcome),
    ]
    return [finding for applies, finding in found if applies] + indicators(plan, outcome)


def _counted(plan: Plan, outcome: Outcome) -> list[tuple[bool, dict[str, Any]]]:
    """Findings about some of the samples, and whether there are any."""
    counts = {
        "not-a-number": (int(((outcome.ledger.odd > 0) & ~outcome.ledger.turned_away).sum()), _NOT_A_NUMBER),
        "unverified": (0 if plan.model.randomised else int(outcome.refuted.sum()), _UNVERIFIED),
        "never-broken": (int(outcome.robust.sum()) if plan.smallest else 0, _NEVER_BROKEN),
        "no-progress": (_without_gradients(outcome), _NO_PROGRESS),
    }
    return [(count > 0, finding(name, "warning", words, count)) for name, (count, words) in counts.items()]


def _beside(plan: Plan, outcome: Outcome) -> str:
    """Robust accuracy beside what an attacker who knows nothing of the defence leaves."""
    plain, count = outcome.unadapted, len(plan.samples)
    if plain is None:
        return ""
    ways = (
        f"every attack {' and '.join(plain.ways)}" if plain.ways else "every attack goes around or through it"
    )
    return (
        f"the model has a defence, and {ways}, which leaves {correct_answers(plan, outcome) / count:.1%} right; an "
        f"attacker who knew nothing of it would leave {plain.right / count:.1%}, which says nothing about robustness"
    )


def _turned_away(plan: Plan, outcome: Outcome) -> str:
    """What became of samples that the target refused, and why it did."""
    return (
        "the target refused an input of these samples, clean or changed; nothing more was asked about them, and they "
        f"count neither as robust nor as broken: {outcome.refusal or turned_away(plan.model)}"
    )


def _near_chance(outcome: Outcome) -> bool:
    """Whether guessing would do as well, as far as the count of samples can tell."""
    correct, count = int(outcome.ledger.correct.sum()), len(outcome.ledger.correct)
    low = exact_interval(correct, count, level=0.99, side="lower").low
    return count >= 10 and low <= 1 / outcome.ledger.clean.shape[1]


def _without_gradients(outcome: Outcome) -> int:
    """Samples that were climbed on, and on which no attempt's loss ever moved from where it began."""
    moved = outcome.ledger.broken.clone()
    tried = outcome.ledger.broken.clone()
    for attempt in outcome.attempts:
        moved[attempt.rows] |= attempt.moved
        tried[attempt.rows] |= attempt.backwards > 0
    return int((tried & ~moved).sum())
