"""Verification of some of a plan's samples."""

from __future__ import annotations

from torch import Tensor

from sparring.evaluation.plan import Plan
from sparring.verify import Verified, verified

__all__ = ["DRAWS", "verify_rows"]

DRAWS = 100
"""How often a randomised model is asked at each fixed point."""


def verify_rows(plan: Plan, rows: Tensor, adversarial: Tensor) -> Verified:
    """Measure `adversarial` `(K, *shape)`, found for the samples `rows` `(K,)`, again."""
    _, inputs, labels, threat = plan.rows(rows)
    draws = DRAWS if plan.model.randomised else 1
    domain = plan.samples.domain
    return verified(plan.model, inputs, labels, adversarial, threat, domain, draws=draws, batch=plan.batch)
