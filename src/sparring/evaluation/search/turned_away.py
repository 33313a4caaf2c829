"""Samples of which a target refuses an input: nothing more is asked about them, and the others go on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from sparring.engine import Attack, Seen, Task

__all__ = ["UntilTurnedAway"]


@dataclass(frozen=True)
class UntilTurnedAway:
    """An attack that leaves a sample alone after a look without an answer."""

    attack: Attack

    @property
    def steps(self) -> int:
        """Those of the attack inside."""
        return self.attack.steps

    def start(self, task: Task) -> Any:
        return self.attack.start(task)

    def step(self, task: Task, state: Any, seen: Seen) -> Any:
        following = self.attack.step(task, state, seen)
        done = seen.odd if following.done is None else seen.odd | following.done
        return replace(following, done=done)

    def loss(self, task: Task, state: Any, outputs: Any) -> Tensor:
        return self.attack.loss(task, state, outputs)
