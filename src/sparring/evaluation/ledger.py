"""The ledger: what an audit knows of every sample, and every attempt on it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from sparring.engine import Findings
from sparring.evaluation.traces import moved, rising
from sparring.tensors import pick, put, take

__all__ = ["MARKS", "Attempt", "Ledger", "attempt_of", "opened", "settle"]

MARKS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000)
"""Numbers of forwards of a sample after which it is noted how close its closest success is."""


@dataclass(frozen=True)
class Ledger:
    """One row per sample; all `(N,)` but `clean` `(N, C)`, `adversarial` `(N, *shape)` and `history` `(N, M)`.

    Only while a shard is searched are its points here; before and after, `adversarial` is `(N, 0)`.
    `stage` is the index of the stage that broke the sample, or found `adversarial`, -1 while none has. `history` is
    `distance` as it was after `MARKS` forwards. `found_after` counts all passes spent on the sample until it broke.
    `finished` holds once nothing more will be done about it. `turned_away` holds where the target refused an input of
    the sample; its `clean` is NaN if it was the clean one. `clean_risk` is the share of draws in which the model errs
    at the clean input, and `risk` that at `adversarial`, as the search saw it: 0 or 1 for a model that does not draw.
    """

    clean: Tensor
    correct: Tensor
    broken: Tensor
    stage: Tensor
    adversarial: Tensor
    distance: Tensor
    history: Tensor
    margin: Tensor
    forwards: Tensor
    backwards: Tensor
    queries: Tensor
    found_after: Tensor
    odd: Tensor
    finished: Tensor
    turned_away: Tensor
    clean_risk: Tensor
    risk: Tensor

    @property
    def standing(self) -> Tensor:
        """Samples that are still to be attacked, as indices."""
        return (self.correct & ~self.broken & ~self.turned_away).nonzero().squeeze(1)


@dataclass(frozen=True)
class Attempt:
    """One run of one attack on some samples, without the points themselves; tensors are `(K,)`.

    Args:
        stage: Index of the stage.
        restart: Which restart, from 0.
        rows: Which samples, as indices into the ledger.
        aim: The class aimed at for each, or None.
        success: The search saw a success.
        finished: The search ended by itself.
        margin, distance, forwards, backwards, queries, asks: As in the engine's findings.
        moved, rising: What the loss over the search tells (`traces.py`).
    """

    stage: int
    restart: int
    rows: Tensor
    aim: Tensor | None
    success: Tensor
    finished: Tensor
    margin: Tensor
    distance: Tensor
    forwards: Tensor
    backwards: Tensor
    queries: Tensor
    asks: Tensor
    moved: Tensor
    rising: Tensor


def attempt_of(stage: int, restart: int, rows: Tensor, aim: Tensor | None, found: Findings) -> Attempt:
    """What is kept of a search: everything but the points, which the ledger has once."""
    own = {"stage", "restart", "rows", "aim", "moved", "rising"}
    same = {each.name: getattr(found, each.name) for each in fields(Attempt) if each.name not in own}
    return Attempt(stage, restart, rows, aim, moved=moved(found.trace), rising=rising(found.trace), **same)


def opened(clean: Tensor, clean_risk: Tensor, looks: int) -> Ledger:
    """The ledger after the first look at every sample, which each has paid with so many forwards."""
    silent = clean.isnan().any(1)
    correct = (clean_risk <= 0.5) & ~silent
    none = torch.zeros(len(clean), dtype=torch.int64, device=clean.device)
    far = torch.full(none.shape, torch.inf, device=clean.device)
    return Ledger(
        clean=clean,
        correct=correct,
        broken=torch.zeros_like(correct),
        stage=none - 1,
        adversarial=clean[:, :0],
        distance=far,
        history=far[:, None].repeat(1, len(MARKS)),
        margin=-far,
        forwards=none + looks,
        backwards=none,
        queries=none,
        found_after=none - 1,
        odd=none,
        finished=~correct,
        turned_away=silent,
        clean_risk=clean_risk,
        risk=clean_risk,
    )


def settle(
    ledger: Ledger,
    rows: Tensor,
    stage: int,
    found: Findings,
    risk: Tensor | None = None,
    final: bool = True,
) -> Ledger:
    """The ledger after one more search of `rows`: its costs, and its successes, the closest of each sample.

    Args:
        ledger: Before.
        rows: Which samples were searched.
        stage: By which stage.
        found: What came of it.
        risk: How often the model errs at the points found, if it draws; then `found` has the riskiest, not the closest.
        final: Whether a sample that breaks is done with; then nothing is told of how it came closer.
    """
    old = take(ledger, rows)
    spent = old.forwards + old.backwards
    moved = found.distance < old.distance if risk is None else found.found_after >= 0
    new = replace(
        old,
        broken=old.broken | found.success,
        stage=torch.where(moved, stage, old.stage),
        adversarial=pick(moved, found.adversarial, old.adversarial),
        distance=torch.where(moved, found.distance, old.distance),
        history=old.history if final else torch.minimum(old.history, found.history),
        margin=torch.maximum(old.margin, found.margin),
        forwards=old.forwards + found.forwards,
        backwards=old.backwards + found.backwards,
        queries=old.queries + found.queries,
        found_after=torch.where(moved & ~old.broken, spent + found.found_after, old.found_after),
        odd=old.odd + found.odd,
        finished=old.finished | (found.success & final),
        risk=found.success.to(old.risk.dtype) if risk is None else risk,
    )
    return put(ledger, rows, new)
