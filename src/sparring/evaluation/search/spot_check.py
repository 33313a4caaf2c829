"""The spot check: some of the samples that `fast` gave up on, drawn at random, go through `standard`, too.

How many is settled before any of them is looked at, from counts and costs alone, and never changed by what is seen: a
check that stopped as soon as it could pass would err more often than it says.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from hashlib import sha256

import torch
from torch import Tensor

from sparring.evaluation.gates.claims import Sampling
from sparring.evaluation.gates.shares import least_share
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Fit, Plan, first_row, fitting_stages
from sparring.evaluation.risk import TOLD, Risk
from sparring.evaluation.search.fitting import refitted
from sparring.evaluation.search.shards import part
from sparring.evaluation.search.standing import price
from sparring.tensors import join, put, take

__all__ = ["CHEAP", "checked_rows", "checks_needed", "plan_of_check", "with_check"]

CHEAP = ("fast",)
"""Suites whose survivors are given up, not robust, until `standard` was tried on them."""

FOR_GATE = 4
"""For a gate, at most one in so many of the given-up samples is checked: a quarter of what `standard` would cost."""

UNASKED = 0.5
"""Without a gate, a check costs at most this share of the search; none is made if it could tell nothing."""


def checked_rows(plan: Plan, outcome: Outcome) -> Tensor:
    """The standing samples with the smallest hashes of their ids, as many as a check takes, as indices in order."""
    rows, ids = outcome.robust.nonzero().squeeze(1).tolist(), plan.samples.ids
    drawn = sorted(rows, key=lambda row: sha256(f"spot check {ids[row]}".encode()).digest())
    chosen = sorted(drawn[: _size(plan, outcome)])
    return torch.tensor(chosen, dtype=torch.int64, device=outcome.robust.device)


def plan_of_check(plan: Plan, rows: Tensor) -> Plan:
    """The plan that tries `standard` on some samples, with what joined for this model."""
    stages = fitting_stages(plan.model, plan.samples, plan.threat, "standard")
    return refitted(replace(part(plan, rows.cpu()), suite="standard", stages=stages, fit=Fit()), plan.fit)


def with_check(plan: Plan, outcome: Outcome, rows: Tensor, found: Outcome) -> tuple[Plan, Outcome]:
    """Plan and outcome with the stages of a check, and what it found in `rows`.

    Args:
        plan: Of the search.
        outcome: Of the search.
        rows: Samples that were checked, as indices.
        found: What came of them.
    """
    names = [replace(stage, name=f"standard: {stage.name}") for stage in plan_of_check(plan, rows).stages]
    first, old, new = len(plan.stages), take(outcome.ledger, rows), found.ledger
    spent = old.forwards + old.backwards - 1  # the first look was paid for once
    ledger = replace(
        new,
        stage=torch.where(new.stage < 0, -1, new.stage + first),
        margin=torch.maximum(old.margin, new.margin),
        forwards=old.forwards + new.forwards - 1,
        backwards=old.backwards + new.backwards,
        queries=old.queries + new.queries,
        found_after=torch.where(new.found_after < 0, -1, new.found_after + spent),
        odd=old.odd + new.odd,
    )
    attempts = [
        replace(attempt, stage=attempt.stage + first, rows=rows[attempt.rows]) for attempt in found.attempts
    ]
    checked = torch.zeros_like(outcome.robust)
    checked[rows] = True
    storable = None
    if outcome.storable is not None and found.storable is not None:
        storable = join(outcome.storable, replace(found.storable, rows=rows[found.storable.rows]))
    return replace(plan, stages=(*plan.stages, *names)), replace(
        outcome,
        ledger=put(outcome.ledger, rows, ledger),
        attempts=(*outcome.attempts, *attempts),
        rows=torch.cat([outcome.rows, rows[found.rows]]),
        verified=join(outcome.verified, found.verified),
        shelved=(*outcome.shelved, *(replace(each, rows=rows.cpu()[each.rows]) for each in found.shelved)),
        storable=storable,
        checked=checked,
        stopped=outcome.stopped or found.stopped,
    )


def _size(plan: Plan, outcome: Outcome) -> int:
    """How many samples to check: what a gate needs, or what can be had for little, if that would tell something."""
    standing = int(outcome.robust.sum())
    if plan.suite not in CHEAP or not standing or outcome.interrupted:
        return 0
    ledger = outcome.ledger
    spent = int((ledger.forwards + ledger.backwards).sum())
    cheap = min(standing, int(UNASKED * spent / _price(plan)))
    cheap = cheap if Risk(standing - cheap, cheap, 0).share(0.05) <= TOLD else 0
    return max(cheap, _for_gates(plan, standing))


def _price(plan: Plan) -> int:
    """Passes that `standard` spends on a sample that it does not break."""
    stages = fitting_stages(plan.model, plan.samples, plan.threat, "standard")
    first, rivals = first_row(plan.samples, plan.threat), 9
    return sum(price(stage, first) * max(1, min(stage.aims, rivals)) * stage.restarts for stage in stages)


def _for_gates(plan: Plan, standing: int) -> int:
    """What gates need, at most a quarter of the standing: none where even a perfect check could not make them pass."""
    gates, most = plan.gates, -(-standing // FOR_GATE)
    if gates is None:
        return 0
    if gates.min_class_accuracy is not None or gates.max_drop is not None:
        return most
    count = len(plan.samples)
    sampling = Sampling(not plan.samples.ordered, max(0, plan.total - count))
    return checks_needed(count, standing, sampling, gates.min_robust_accuracy or 0.0, gates.level)


def checks_needed(count: int, standing: int, sampling: Sampling, minimum: float, level: float) -> int:
    """The fewest of `standing` samples to check so that a gate on `count` samples can pass.

    With room for two misses, or else for one or none, within a quarter of the standing; 0 if that is not enough.
    """
    most = -(-standing // FOR_GATE)

    def enough(checked: int, missed: int) -> bool:
        risk = Risk(standing - checked, checked, missed)
        return least_share(count, standing - missed, risk, sampling, level) >= minimum

    for missed in range(min(2, most), -1, -1):  # room for misses, if it can be had
        if enough(most, missed):
            return bisect_left(range(most + 1), True, lo=missed, key=lambda checked: enough(checked, missed))
    return 0
