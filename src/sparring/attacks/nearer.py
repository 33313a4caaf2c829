"""Searching a smaller set than is allowed: what breaks there counts, and shows when a search overshoots.

A search that breaks fewer samples with a larger budget has failed, for whatever is near is also in the larger set
(Carlini et al. 2019, https://arxiv.org/abs/1902.06705, section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from sparring.engine import Attack, Seen, Task

__all__ = ["Nearer"]


@dataclass(frozen=True)
class Nearer:
    """An attack that keeps to a `share` of eps. Cost: that of the attack.

    Args:
        attack: What searches.
        share: Of eps, above 0 and at most 1.
    """

    attack: Attack
    share: float = 0.5

    @property
    def steps(self) -> int:
        """Those of the inner attack."""
        return self.attack.steps

    def start(self, task: Task) -> Any:
        return self.attack.start(self._near(task))

    def step(self, task: Task, state: Any, seen: Seen) -> Any:
        return self.attack.step(self._near(task), state, seen)

    def loss(self, task: Task, state: Any, outputs: Any) -> Tensor:
        return self.attack.loss(self._near(task), state, outputs)

    def _near(self, task: Task) -> Task:
        """The task with the smaller threat."""
        return replace(task, threat=replace(task.threat, eps=self.share * task.threat.eps))
