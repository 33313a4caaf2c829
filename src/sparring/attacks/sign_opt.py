"""Sign-OPT (Cheng et al. 2020, https://arxiv.org/abs/1909.10773): the direction with the closest boundary, by signs.

L2, labels only. Deviations: the first direction is that of the start instead of the best of 100, directions to look in
may be of low frequency, and a step's length is doubled or halved by one query each, at the smallest radius known.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

from sparring.attacks.parts.crossing import boundary_on, clipped, found_start, shrunk
from sparring.attacks.parts.normals import directions
from sparring.attacks.parts.walks import Walk, Walking, go_on, no_loss, set_out
from sparring.engine import Task
from sparring.tensors import over_rows
from sparring.threat.l2 import unit

__all__ = ["SignOPT"]

_PRECISION = 0.01

_HALVINGS = 6


@dataclass(frozen=True)
class SignOPT:
    """Descend the distance g of the boundary in a direction v, whose slope is told by one query per look.

    With x the input, u random of length one and s = 1 if the goal is reached at `x + g(v) unit(v + spread u)`, which
    says that the boundary is closer there, else -1:

        v <- unit(v + step_size unit(sum of s u))

    Begins at `task.begin` or at random inputs. Sees labels only. For L2. Cost: `steps + 1` queries.

    Args:
        steps: How many queries after the first.
        looks: Directions per turn.
        spread: How far they turn v.
        step_size: Of the first step; halved until the boundary is closer, doubled after.
        frequencies: Share of the frequencies of images, along each side, that directions have.
    """

    steps: int = 5000
    looks: int = 50
    spread: float = 0.1
    step_size: float = 1.0
    frequencies: float = 1.0

    step = staticmethod(go_on)
    loss = staticmethod(no_loss)

    def start(self, task: Task) -> Walking:
        return set_out(task, self._walk)

    def _walk(self, task: Task) -> Walk:
        """One sample's search."""
        far = yield from found_start(task)
        if far is None:
            return
        change = (yield from boundary_on(task, far, _PRECISION)) - task.inputs
        direction, radius, length = unit(change), float(change.norm()), self.step_size
        for draw in count():
            slope = yield from self._slope(task, direction, radius, draw)
            for _ in range(_HALVINGS):
                turned = unit(direction + length * slope)
                closer = (1 - _PRECISION) * radius
                if bool((yield clipped(task, task.inputs + closer * turned))):
                    direction, length = turned, 2 * length
                    radius = yield from shrunk(task, direction, closer, _PRECISION)
                    break
                length /= 2
            else:
                length = self.step_size

    def _slope(
        self, task: Task, direction: Tensor, radius: float, draw: int
    ) -> Generator[Tensor, Tensor, Tensor]:
        """Where to turn for a closer boundary, of length one."""
        around = directions(task, self.looks, draw, self.frequencies)
        hits = yield clipped(task, task.inputs + radius * unit(direction + self.spread * around))
        return unit(
            (over_rows(torch.where(hits, 1.0, -1.0).to(around), around) * around).sum(0, keepdim=True)
        )
