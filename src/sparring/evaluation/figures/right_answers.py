"""How often a model is right under attack: a count, or, of a model that answers at random, a mean over its draws."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan
from sparring.evaluation.randomised import DRAWS, TRIES
from sparring.evaluation.statistics import any_of

__all__ = ["correct_answers", "told"]


def correct_answers(plan: Plan, outcome: Outcome) -> float:
    """Samples that stay right: those that are robust, or the shares of draws that are right at the fixed points."""
    if not plan.model.randomised:
        return int(outcome.robust.sum())
    return float((1 - _risk(outcome))[outcome.ledger.finished & ~outcome.unanswered].sum())


def told(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """What `result.json` says of a model that answers at random.

    `any_of` is another question, with an answer that any noise makes look bad: does one of several tries err? So it
    stands beside its `control`, the same without an attack.
    """
    attack = plan.stages[0].attack
    return {
        "draws": DRAWS,
        "draws_per_look": getattr(attack, "draws", 1),
        "clean_correctness": float((1 - outcome.ledger.clean_risk).mean()),
        "mean_correctness": correct_answers(plan, outcome) / len(plan.samples),
        "any_of": {
            "tries": TRIES,
            "errs": any_of(_errors(_risk(outcome)), DRAWS, TRIES),
            "control": any_of(_errors(outcome.ledger.clean_risk), DRAWS, TRIES),
        },
    }


def _risk(outcome: Outcome) -> Tensor:
    """Share of draws that err at each fixed point; where nobody could ask, as the search saw it."""
    return torch.where(outcome.errs.isnan(), outcome.ledger.risk, outcome.errs)


def _errors(risk: Tensor) -> list[int]:
    return [int(count) for count in (risk * DRAWS).round().tolist()]
