"""Verification of some of a plan's samples."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sparring.errors import Exhausted
from sparring.evaluation.plan import Plan
from sparring.evaluation.randomised import DRAWS
from sparring.models.remote.target import verifying
from sparring.verify import Verified, verified

__all__ = ["draws", "verify_rows"]


def verify_rows(plan: Plan, rows: Tensor, adversarial: Tensor) -> Verified:
    """Measure `adversarial` `(K, *shape)`, found for the samples `rows` `(K,)`, again.

    Where an engagement does not allow to ask any more, nothing holds and every risk is NaN.
    """
    _, inputs, labels, threat = plan.rows(rows)
    options: dict[str, Any] = {"draws": draws(plan), "batch": plan.batch}
    try:
        with verifying():
            return verified(plan.model, inputs, labels, adversarial, threat, plan.samples.domain, **options)
    except Exhausted:
        unknown = torch.full((len(rows),), torch.nan, dtype=torch.float64, device=rows.device)
        return Verified(unknown > 0, unknown, torch.full_like(rows, -1), unknown)


def draws(plan: Plan) -> int:
    """How often the model is asked about each example."""
    return DRAWS if plan.model.randomised else 1
