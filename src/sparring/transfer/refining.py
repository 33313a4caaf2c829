"""From transferred examples to the target's own boundary, by queries that see labels only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.attacks import CGBA
from sparring.data import Samples
from sparring.draws import Draws, row_keys
from sparring.engine import Attack, Task, search
from sparring.errors import UsageError
from sparring.models import Model
from sparring.tensors import take
from sparring.threat import Threat, Untargeted
from sparring.transfer.table import answers

__all__ = ["Refined", "refine"]


@dataclass(frozen=True)
class Refined:
    """What became of N samples.

    Args:
        points: `(N, *shape)`; the input where nothing was found.
        success: Where the target errs inside the threat, `(N,)`.
        queries: What the target was asked about each, `(N,)`.
    """

    points: Tensor
    success: Tensor
    queries: Tensor


def refine(
    target: Model,
    samples: Samples,
    threat: Threat,
    candidates: Sequence[Tensor],
    queries: int,
    *,
    attack: Attack | None = None,
    seed: int = 0,
    batch: int = 64,
) -> Refined:
    """Ask about transferred examples in turn; from the first that fools, search for one inside the threat.

    Examples that were made for a larger change than is allowed are good places to begin: nearer than random inputs, and
    already over the boundary.

    Args:
        target: Asked about each sample at most `queries` times.
        samples: All of them are tried, also those that the target gets wrong anyway.
        threat: Which changes count.
        candidates: Points `(N, *shape)` each, the nearest first.
        queries: The budget of each sample.
        attack: One that sees labels only; `CGBA` without.
        seed: Of all draws.
        batch: Most points shown at once.

    Raises:
        UsageError: The budget does not even pay for the candidates.
    """
    if queries < len(candidates):
        raise UsageError(
            f"{queries} queries do not pay for {len(candidates)} candidates; give at least as many"
        )
    bound = threat.bind(samples.inputs, samples.domain)
    begin, success, asked = _asked(target, samples, bound, candidates, batch)
    points = torch.where(success.view(-1, *[1] * (begin.ndim - 1)), begin, samples.inputs)
    rows = (~success & (asked < queries)).nonzero().squeeze(1)
    if len(rows):
        chosen = samples.select(rows)
        task = Task(
            inputs=chosen.inputs,
            goal=Untargeted(chosen.labels),
            threat=take(bound, rows),
            draws=Draws(row_keys(seed, chosen.ids, "refine")),
            begin=begin[rows],
        )
        left = queries - asked[rows]
        found = search(target, task, attack or CGBA(queries), batch=batch, budget=left)
        success[rows], points[rows] = found.success, found.adversarial
        asked[rows] += found.forwards
    return Refined(points, success, asked)


def _asked(
    target: Model, samples: Samples, threat: Threat, candidates: Sequence[Tensor], batch: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The first candidate of each sample that fools (else its input), whether it is allowed, and what was asked."""
    begin = samples.inputs.clone()
    fools = torch.zeros(len(samples), dtype=torch.bool)
    asked = torch.zeros(len(samples), dtype=torch.int64)
    for points in candidates:
        rows = (~fools).nonzero().squeeze(1)
        if not len(rows):
            break
        wrong = answers(target, points[rows], batch).argmax(1) != samples.labels[rows]
        asked[rows] += 1
        fools[rows] = wrong
        begin[rows[wrong]] = points[rows[wrong]]
    return begin, fools & threat.contains(begin, samples.inputs), asked
