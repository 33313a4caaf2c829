"""Models that answer at random: no lucky draw may count as a break, and none may end the search.

Attacks climb the mean of several draws (expectation over transformation). A look counts once most of its draws err,
and the point must then err in most of 100 fresh draws, or the search of that sample goes on in the next stage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from sparring.attacks import FAB, Averaged
from sparring.attacks.suites import Stage
from sparring.threat import Goal

__all__ = ["AIMS", "LOOKS", "Mostly", "averaged_stages"]

LOOKS = 20
"""Draws per point of a search."""

SURE = 0.7
"""Share of draws that must err before a look counts: at half, fresh draws would refute every other one."""

AIMS = 3
"""Most classes aimed at: every aim costs `LOOKS` times what it costs with a model that does not draw."""


@dataclass(frozen=True)
class Mostly:
    """A goal that is reached once most of a row's draws of one point reach it."""

    goal: Goal

    @property
    def labels(self) -> Tensor:
        """The true classes, `(B,)`."""
        return self.goal.labels

    @property
    def wanted(self) -> Tensor | None:
        """The classes that must come out, `(B,)`."""
        return self.goal.wanted

    def scores(self, outputs: Any) -> Tensor:
        """Outputs as class scores `(B, P, C)`."""
        return self.goal.scores(outputs)

    def reached(self, outputs: Any) -> Tensor:
        """All draws of a row or none, `(B, P)`."""
        hits = self.goal.reached(outputs)
        return (hits.float().mean(1, keepdim=True) > SURE).expand_as(hits)

    def margin(self, outputs: Any) -> Tensor:
        """That of each draw, `(B, P)`."""
        return self.goal.margin(outputs)


def averaged_stages(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages with every attack averaged; FAB, which walks along a boundary that moves here, is left out."""
    kept = [stage for stage in stages if not isinstance(stage.attack, FAB | Averaged)] or list(stages)
    return tuple(
        replace(stage, attack=Averaged(stage.attack, LOOKS), aims=min(stage.aims, AIMS)) for stage in kept
    )
