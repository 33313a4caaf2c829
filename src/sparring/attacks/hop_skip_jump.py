"""HopSkipJump (Chen, Jordan & Wainwright 2020, https://arxiv.org/abs/1904.02144): along the boundary, labels only.

Finds the smallest change in L2 and Linf. Deviations: the boundary is found to a hundredth of the distance where the
authors take d^(-3/2) for d values, the first normal takes 30 looks instead of 100, looks are a fifth of the distance
away, and what is known of the normal is kept from turn to turn (`normals.py`).
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from itertools import count

from torch import Tensor

from sparring.attacks.parts.crossing import boundary_on, clipped, found_start
from sparring.attacks.parts.normals import asked_around, unknown
from sparring.attacks.parts.walks import Walk, Walking, go_on, no_loss, set_out
from sparring.engine import Task
from sparring.threat.l2 import unit

__all__ = ["HopSkipJump"]

_HALVINGS = 12
"""After so many, jumps are shorter than the boundary is known."""


@dataclass(frozen=True)
class HopSkipJump:
    """Go to the boundary, estimate its normal, jump along that, and back to the boundary nearer to the input.

    With x the input, b the boundary point of turn t, and n the estimated normal (its signs for Linf), jumps go to

        b + r n / |n|,    r = |b - x| / sqrt(t), halved until the goal is reached there

    Begins at `task.begin` or at random inputs. Sees labels only. Cost: `steps + 1` queries. Nothing in it depends on
    how many there are, so that a budget may end it anywhere.

    Args:
        steps: How many queries after the first.
        looks: Directions for the first normal; sqrt(t) times as many in turn t.
        spread: How far away they look, as a share of the distance.
        precision: To which share of the distance the boundary is found.
        memory: Share of the normal that is still the same after a turn.
    """

    steps: int = 5000
    looks: int = 30
    spread: float = 0.2
    precision: float = 0.01
    memory: float = 0.98

    step = staticmethod(go_on)
    loss = staticmethod(no_loss)

    def start(self, task: Task) -> Walking:
        return set_out(task, self._walk)

    def _walk(self, task: Task) -> Walk:
        """One sample's search."""
        far = yield from found_start(task)
        normal, draw = unknown(task), count()
        for turn in count(1):
            if far is None:
                return
            point = yield from boundary_on(task, far, self.precision)
            spread = self.spread * float((point - task.inputs).norm())
            looks = int(self.looks * math.sqrt(turn))
            normal = yield from asked_around(task, normal.faded(self.memory), point, spread, looks, draw)
            far = yield from _jump(task, point, normal.along(point), 1 / math.sqrt(turn))


def _jump(task: Task, point: Tensor, normal: Tensor, share: float) -> Generator[Tensor, Tensor, Tensor]:
    """The farthest point along the normal, by halves of `share` of the distance, where the goal is reached."""
    direction = normal.sign() if task.threat.norm == "linf" else unit(normal)
    away = float(task.threat.distance(point, task.inputs))
    for halvings in range(_HALVINGS):
        far = clipped(task, point + share * away / 2**halvings * direction)
        if bool((yield far)):
            return far
    return point
