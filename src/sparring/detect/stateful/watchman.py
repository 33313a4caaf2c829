"""The watchman: remembers what each account asked, and notices who asks nearly the same again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sparring.detect.stateful.fingerprints import Fingerprints
from sparring.detect.stateful.memory import Memory
from sparring.errors import DataError

__all__ = ["Watchman"]

DAY = 86400.0


@dataclass(frozen=True)
class Watchman:
    """Flags a query that shares at least `matches` of its fingerprints with an earlier one of the same account.

    Cost per query: one look-up and one insertion in the store; no forward of the model.

    Args:
        memory: Where queries are remembered.
        prints: How they are told apart.
        matches: How many numbers two queries must share, of `prints.kept`.
        seconds: How long a query is remembered.
        clock: Seconds; a clock that all processes share.
    """

    memory: Memory
    prints: Fingerprints = field(default_factory=Fingerprints)
    matches: int = 25
    seconds: float = DAY
    clock: Callable[[], float] = time.time

    def flags(self, inputs: Tensor, account: str) -> Tensor:
        """Which of the inputs `(N, *shape)`, asked one after the other, are flagged, `(N,)`; all are remembered.

        Raises:
            DataError: The store does not answer, or an input is not finite.
        """
        if not bool(inputs.isfinite().all()):
            raise DataError("an input that is watched holds NaN or infinite values; refuse it before")
        found = []
        for numbers in self.prints.of(inputs):
            now = self.clock()
            alike = self.memory.most_alike(account, numbers, now - self.seconds)
            # small and even inputs have fewer numbers, of which as large a share must agree
            found.append(alike * self.prints.kept >= self.matches * len(numbers))
            self.memory.remember(account, numbers, now)
        return torch.tensor(found, dtype=torch.bool)
