"""Does the change survive being stored as an 8-bit image? A figure of its own, beside the robust accuracy."""

from __future__ import annotations

from torch import Tensor

from sparring.attacks import APGD, margin
from sparring.domain import GREY_LEVEL
from sparring.draws import Draws, row_keys
from sparring.engine import Findings, Task, search
from sparring.evaluation.ledger import Ledger
from sparring.evaluation.plan import Plan
from sparring.threat import Grid, Untargeted

__all__ = ["applies", "search_on_grid"]


def applies(plan: Plan) -> bool:
    """Whether the data are 8-bit images."""
    return plan.samples.domain.step == GREY_LEVEL


def search_on_grid(plan: Plan, ledger: Ledger, rows: Tensor) -> Findings:
    """Search the broken samples `rows` again among whole grey levels inside the threat.

    Starts at the rounded adversarial example, which costs nothing more where it still works, and climbs from there.
    """
    chosen, inputs, labels, threat = plan.rows(rows)
    task = Task(
        inputs=inputs,
        goal=Untargeted(labels),
        threat=Grid(threat, round(1 / GREY_LEVEL)),
        draws=Draws(row_keys(plan.seed, chosen.ids, "8-bit").to(inputs.device)),
        begin=ledger.adversarial[rows],
    )
    return search(plan.model, task, APGD(100, margin), batch=plan.batch)
