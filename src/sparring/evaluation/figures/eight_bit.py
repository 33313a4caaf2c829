"""Does the change survive being stored as an 8-bit image? A figure of its own, beside the robust accuracy."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from sparring.attacks import APGD, margin
from sparring.domain import GREY_LEVEL
from sparring.draws import Draws, row_keys
from sparring.engine import Findings, Task, search
from sparring.errors import Interrupted
from sparring.evaluation.ledger import Ledger
from sparring.evaluation.outcome import Outcome, Storable
from sparring.evaluation.plan import Plan
from sparring.evaluation.verifying import verify_rows
from sparring.models.stand_ins.straight_through import straight_through
from sparring.tensors import put, take
from sparring.threat import Grid, Untargeted

__all__ = ["applies", "on_grid"]


def applies(plan: Plan) -> bool:
    """Whether the data are 8-bit images."""
    return plan.samples.domain.step == GREY_LEVEL


def on_grid(plan: Plan, outcome: Outcome) -> Outcome:
    """The outcome with the samples that also break by whole grey levels inside the threat, verified like the rest.

    Starts at the rounded adversarial example, which costs one look where it still works, and climbs from there if the
    model has gradients, or what stops them can be got past. A smallest change is only rounded: there is no budget to
    climb in; neither is there where queries are counted.
    """
    rows = outcome.broken.nonzero().squeeze(1)
    around = not plan.model.gradients and plan.model.stops is not None
    searched, judge = (straight_through(plan.model), plan.model) if around else (plan.model, None)
    climbs = (plan.model.gradients or around) and not plan.smallest and plan.queries is None
    budget = None if climbs else 1
    task = _task(plan, outcome, rows)
    try:
        found = search(searched, task, APGD(100, margin), judge=judge, batch=plan.batch, budget=budget)
    except Interrupted:
        return replace(outcome, stopped=True)
    held = verify_rows(plan, rows, found.adversarial)
    if bool(held.risk.isnan().any()):
        return replace(outcome, stopped=True)
    broken = found.success & held.holds
    storable = Storable(
        rows=rows[broken],
        levels=(found.adversarial[broken] / GREY_LEVEL).round().byte(),
        distance=held.distance[broken],
        prediction=held.prediction[broken],
    )
    return replace(outcome, ledger=_charged(outcome.ledger, rows, found), storable=storable)


def _task(plan: Plan, outcome: Outcome, rows: Tensor) -> Task:
    chosen, inputs, labels, threat = plan.rows(rows)
    return Task(
        inputs=inputs,
        goal=Untargeted(labels),
        threat=Grid(threat, round(1 / GREY_LEVEL)),
        draws=Draws(row_keys(plan.seed, chosen.ids, "8-bit").to(inputs.device)),
        begin=outcome.ledger.adversarial[rows],
    )


def _charged(ledger: Ledger, rows: Tensor, found: Findings) -> Ledger:
    old = take(ledger, rows)
    forwards, backwards = old.forwards + found.forwards, old.backwards + found.backwards
    return put(ledger, rows, replace(old, forwards=forwards, backwards=backwards))
