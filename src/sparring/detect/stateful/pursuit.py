"""An attack under a watchman's eyes: which query was flagged first, and did it get through?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.detect.stateful.watchman import Watchman
from sparring.engine import Attack, Task, search
from sparring.tensors import take

__all__ = ["Pursued", "pursued"]


@dataclass(frozen=True)
class Pursued:
    """What became of one attacked sample.

    Args:
        queries: How many were made.
        first: The number of the first one that was flagged, from 1; None if none was.
        flagged: How many were.
        success: Whether a wrong answer was got inside the threat, with refusals if the watchman refuses.
    """

    queries: int
    first: int | None
    flagged: int
    success: bool


def pursued(
    model: Callable[[Tensor], Any],
    task: Task,
    attack: Attack,
    watchman: Watchman,
    budget: int,
    *,
    refuse: bool = True,
) -> list[Pursued]:
    """Run an attack on each row of `task`, each under an account of its own.

    Args:
        model: From inputs to logits.
        task: Rows to attack.
        attack: Reads scores or labels.
        watchman: Sees every query.
        budget: Most queries per row.
        refuse: Whether a flagged query gets no answer (all NaN); else the watchman only takes notes.
    """
    found = []
    for row in range(len(task)):
        seen: list[Tensor] = []
        asked = _Asked(model, watchman, f"pursued {row}", seen, refuse)
        ended = search(asked, take(task, torch.tensor([row])), attack, batch=1, budget=budget)
        flags = torch.cat(seen)
        hits = flags.nonzero().flatten()
        first = int(hits[0]) + 1 if len(hits) else None
        found.append(Pursued(len(flags), first, len(hits), bool(ended.success[0])))
    return found


@dataclass(frozen=True)
class _Asked:
    """The model as an account meets it."""

    model: Callable[[Tensor], Any]
    watchman: Watchman
    account: str
    seen: list[Tensor]
    refuse: bool
    padded = False
    """Every row is a query."""

    def __call__(self, inputs: Tensor) -> Tensor:
        flags = self.watchman.flags(inputs, self.account)
        self.seen.append(flags)
        logits: Tensor = self.model(inputs)
        return logits.masked_fill(flags[:, None].to(logits.device), torch.nan) if self.refuse else logits
