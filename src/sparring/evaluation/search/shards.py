"""Shards: consecutive samples that are searched, verified and stored together.

They are cut by the order of the samples, never by batch or worker, and a sample's record does not depend on its
mates, so an audit made of shards that were stored by earlier tries is the same, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from sparring.evaluation.ledger import Attempt
from sparring.evaluation.outcome import Outcome, Storable
from sparring.evaluation.plan import Plan
from sparring.tensors import join, take, tree_map

__all__ = ["SHARD", "merged", "on_cpu", "part", "shards_of"]

SHARD = 256
"""Samples per shard: what a killed audit loses at most."""

PAID = 32
"""Most samples per shard of a model behind an address."""


def shards_of(plan: Plan) -> tuple[Tensor, ...]:
    """The samples of each shard, as indices; fewer where every query of the model is paid for."""
    size = SHARD if plan.model.padded else min(SHARD, PAID)
    return torch.arange(len(plan.samples)).split(size)


def part(plan: Plan, rows: Tensor) -> Plan:
    """The plan for some samples only."""
    return replace(plan, samples=plan.samples.select(rows), threat=take(plan.threat, rows))


def merged(outcomes: Sequence[tuple[Tensor, Outcome]]) -> Outcome:
    """One outcome for all samples, of the samples of each shard, as indices, and its outcome, without points."""
    attempts: list[Attempt] = []
    for rows, outcome in outcomes:
        attempts += [replace(each, rows=rows.to(each.rows.device)[each.rows]) for each in outcome.attempts]
    return Outcome(
        ledger=join(*(outcome.ledger for _, outcome in outcomes)),
        attempts=tuple(attempts),
        rows=torch.cat([rows.to(outcome.rows.device)[outcome.rows] for rows, outcome in outcomes]),
        verified=join(*(outcome.verified for _, outcome in outcomes)),
        shelved=tuple(
            replace(each, rows=rows[each.rows]) for rows, outcome in outcomes for each in outcome.shelved
        ),
        storable=_merged_storable(outcomes),
        stopped=any(outcome.stopped for _, outcome in outcomes),
        refusal=next((outcome.refusal for _, outcome in outcomes if outcome.refusal), None),
    )


def _merged_storable(outcomes: Sequence[tuple[Tensor, Outcome]]) -> Storable | None:
    """What is storable of all samples, if every shard was looked at for it."""
    found: list[Storable] = []
    for rows, outcome in outcomes:
        if outcome.storable is None:
            return None
        mine = outcome.storable
        found.append(replace(mine, rows=rows.to(mine.rows.device)[mine.rows]))
    return join(*found)


def on_cpu(outcome: Outcome) -> Outcome:
    """The same outcome with all tensors in main memory."""
    return tree_map(Tensor.cpu, outcome)
