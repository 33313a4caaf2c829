"""Can the evaluation be trusted? If attacks without gradients still win, gradients misled the search.

An audit is invalid only for what is left after everything that could help has joined the suite: another method
broke more than max(3, 2%) of the samples that gradients left, or the search missed what was planted (`planted.py`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan, climbs, first_row

__all__ = ["chance_ahead", "misled", "missed", "without_gradients"]

FEW, SHARE = 3, 0.02

PLANTED, MISSED = 8, 0.2
"""Planted points that show something, and the share of them that a search may miss."""


def without_gradients(plan: Plan, outcome: Outcome) -> tuple[int, int]:
    """How many samples gradients left standing, and how many of these fell to a search without gradients."""
    seeking = _seeking(plan).to(outcome.ledger.stage.device)
    fell = outcome.broken & seeking[outcome.ledger.stage]
    return int((outcome.robust | fell).sum()), int(fell.sum())


def misled(plan: Plan, outcome: Outcome) -> bool:
    """Whether the model hides its gradients: a search without them found more than gradients can miss by chance.

    Not in L0, where values jump across their whole range: there a slope may say little of what nobody hides.
    """
    return plan.threat.norm != "l0" and chance_ahead(plan, outcome)


def chance_ahead(plan: Plan, outcome: Outcome) -> bool:
    """Whether a search without gradients broke more of what gradients left than max(3, 2%)."""
    left, fell = without_gradients(plan, outcome)
    return not bool(_seeking(plan).all()) and fell > max(FEW, SHARE * left)


def missed(plan: Plan) -> bool:
    """Whether the search missed points that were planted for it to find."""
    fit = plan.fit
    return fit.planted >= PLANTED and fit.planted - fit.planted_found > MISSED * fit.planted


def _seeking(plan: Plan) -> Tensor:
    """Which stages climb nothing, `(S,)`."""
    first = first_row(plan.samples, plan.threat)
    return torch.tensor([not climbs(stage, first) for stage in plan.stages])
