"""What an audit ends with, before it is written up."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.evaluation.ledger import Attempt, Ledger
from sparring.verify import Verified

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome:
    """The ledger, what was attempted, and what verification said of the samples that the search called broken.

    Args:
        ledger: A row per sample.
        attempts: In order.
        rows: Samples that the search called broken, as indices, `(K,)`.
        verified: Of those, `(K,)`.
        on_grid: Samples also broken by whole grey levels, `(N,)`; None if the data are not 8-bit, or not looked at.
        seconds: Wall time.
        stopped: The user said stop after the search, while its results were measured again.
    """

    ledger: Ledger
    attempts: tuple[Attempt, ...]
    rows: Tensor
    verified: Verified
    on_grid: Tensor | None = None
    seconds: float = 0.0
    stopped: bool = False

    @property
    def complete(self) -> bool:
        """Nothing more will be done about any sample."""
        return bool(self.ledger.finished.all())

    @property
    def interrupted(self) -> bool:
        """The user said stop before everything was done."""
        return self.stopped or not self.complete

    @property
    def broken(self) -> Tensor:
        """Verified successes, `(N,)`."""
        holds = torch.zeros_like(self.ledger.broken)
        holds[self.rows] = self.verified.holds
        return holds

    @property
    def robust(self) -> Tensor:
        """Correct, finished, and not broken by anything that could be verified, `(N,)`."""
        return self.ledger.correct & ~self.broken & self.ledger.finished
