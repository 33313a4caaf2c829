"""What an audit ends with, before it is written up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from sparring.evaluation.ledger import Attempt, Ledger
from sparring.evaluation.risk import Risk
from sparring.evaluation.trial.unadapted import Unadapted
from sparring.verify import Verified

__all__ = ["Outcome", "Shelved", "Storable"]


@dataclass(frozen=True)
class Storable:
    """Samples that also break by whole grey levels, verified like the rest; a row each.

    Args:
        rows: Which samples, as indices, `(S,)`.
        levels: The adversarial images as they would be stored, `(S, *shape)` uint8; once on the shelf, `(S, 0)`.
        distance, prediction: As verification measured them.
    """

    rows: Tensor
    levels: Tensor
    distance: Tensor
    prediction: Tensor


@dataclass(frozen=True)
class Shelved:
    """The points that were found for the samples `rows` `(K,)`, as indices, in a file on the shelf."""

    rows: Tensor
    path: Path


@dataclass(frozen=True)
class Outcome:
    """The ledger, what was attempted, and what verification said of the samples that the search called broken.

    Args:
        ledger: A row per sample.
        attempts: In order.
        rows: Samples that the search called broken, or all of a model that answers at random, as indices, `(K,)`.
        verified: Of those, `(K,)`.
        shelved: Where the points of those are, once a shard is on the shelf and no longer held in memory.
        storable: Samples also broken by whole grey levels; None if the data are not 8-bit, or not looked at.
        checked: Samples of a cheap suite that `standard` was tried on, too, `(N,)`; None for other suites.
        seconds: Wall time.
        unadapted: What an attacker who knows nothing of a defence leaves, if there is a defence.
        stopped: The user said stop after the search, while its results were measured again.
        refusal: What the target said when it first refused an input; None while it took all of them.
    """

    ledger: Ledger
    attempts: tuple[Attempt, ...]
    rows: Tensor
    verified: Verified
    shelved: tuple[Shelved, ...] = ()
    storable: Storable | None = None
    checked: Tensor | None = None
    seconds: float = 0.0
    unadapted: Unadapted | None = None
    stopped: bool = False
    refusal: str | None = None

    def without_points(self) -> Outcome:
        """What is known of each sample, without the points themselves."""
        ledger, storable = self.ledger, self.storable
        if storable is not None:
            storable = replace(storable, levels=storable.levels.flatten(1)[:, :0].clone())
        return replace(self, ledger=replace(ledger, adversarial=ledger.clean[:, :0]), storable=storable)

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
        return holds & self.ledger.correct & (self.ledger.stage >= 0)

    @property
    def errs(self) -> Tensor:
        """Share of draws that erred at a sample's fixed point, `(N,)`; NaN where verification did not ask."""
        errs = torch.full_like(self.ledger.clean_risk, torch.nan)
        errs[self.rows] = self.verified.risk.to(errs.dtype)
        return errs

    @property
    def refuted(self) -> Tensor:
        """Samples that the search called broken, and verification not, as far as it could ask, `(N,)`."""
        known = torch.zeros_like(self.ledger.broken)
        known[self.rows] = ~self.verified.risk.isnan()
        return self.ledger.broken & known & ~self.broken

    @property
    def on_grid(self) -> Tensor | None:
        """Samples also broken by whole grey levels, `(N,)`, if that was looked at."""
        if self.storable is None:
            return None
        marks = torch.zeros_like(self.ledger.broken)
        marks[self.storable.rows] = True
        return marks

    @property
    def robust(self) -> Tensor:
        """Correct, finished, and not broken by anything that could be verified, `(N,)`; those given up among them."""
        return self.ledger.correct & ~self.broken & self.ledger.finished & ~self.unanswered

    @property
    def unanswered(self) -> Tensor:
        """Samples of which the target refused an input before anything broke them, `(N,)`."""
        return self.ledger.turned_away & ~self.broken

    @property
    def gave_up(self) -> Tensor:
        """Robust as far as a cheap suite tells, which `standard` was not tried on, `(N,)`."""
        return torch.zeros_like(self.robust) if self.checked is None else self.robust & ~self.checked

    @property
    def risk(self) -> Risk:
        """What is known of the samples that were given up."""
        if self.checked is None:
            return Risk(0, 0, 0)
        tried = self.checked & (self.robust | self.broken)
        return Risk(int(self.gave_up.sum()), int(tried.sum()), int((tried & self.broken).sum()))
