"""Models that answer at random: no lucky draw may count as a break, and none may end the search.

Attacks climb the mean of several draws (expectation over transformation), as many as the noise of the gradient asks
for. Every attempt ends with one point, which is asked about in 100 fresh draws; a sample whose point errs in most of
them is broken, any other goes on into the next stage. In the end each sample has one fixed point, the worst that was
found, and 100 more draws there say how often the model is right: nothing that was chosen by chance is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from sparring.attacks import FAB, NES, Averaged, Estimated
from sparring.attacks.best_of import members
from sparring.attacks.suites import Stage
from sparring.threat import Goal

__all__ = ["AIMS", "CLEARLY", "DRAWS", "TRIES", "Mostly", "averaged_stages"]

DRAWS = 100
"""How often a model is asked at a fixed point."""

TRIES = 10
"""How many tries an attacker has who needs one error."""

SURE = 0.9
"""Share of a look's draws that must err before an attempt ends: the next step would hardly do better."""

CLEARLY = 0.6
"""Share of fresh draws that must err before a sample leaves the search: at half, other draws would bring it back."""

AIMS = 3
"""Most classes aimed at: every aim costs as many times what it costs with other models as there are draws."""


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


def averaged_stages(stages: tuple[Stage, ...], draws: int) -> tuple[Stage, ...]:
    """The stages with every attack averaged.

    FAB, which walks along a boundary that moves here, is left out, and so is what tells slopes from small differences:
    of several attacks that compete the first other one is kept.
    """
    unfit = FAB | Averaged | Estimated | NES
    fit = {
        stage: next((each for each in members(stage.attack) if not isinstance(each, unfit)), None)
        for stage in stages
    }
    kept = {stage: attack for stage, attack in fit.items() if attack} or {
        each: each.attack for each in stages
    }
    return tuple(
        replace(stage, attack=Averaged(attack, draws), aims=min(stage.aims, AIMS))
        for stage, attack in kept.items()
    )
