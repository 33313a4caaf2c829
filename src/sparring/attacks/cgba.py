"""CGBA (Reza, Rahmati, Wu & Dai 2023, https://arxiv.org/abs/2308.03163): the curved path to the boundary, labels only.

L2 as in the paper; Linf is ours, by the same idea. Deviations: what is known of the normal is kept from turn to turn
and says which directions are asked (`normals.py`), where the authors begin anew, with random directions of low
frequency.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from itertools import count

from torch import Tensor

from sparring.attacks.parts.crossing import boundary_on, circle, clipped, found_start, shrunk
from sparring.attacks.parts.normals import asked_around, unknown
from sparring.attacks.parts.walks import Walk, Walking, go_on, no_loss, set_out
from sparring.engine import Task

__all__ = ["CGBA"]

_BISECTIONS = 9
"""Of the quarter of a circle: to a fifth of a degree."""

_PRECISION = 0.01
"""To which share of the distance the boundary is found on other ways."""


@dataclass(frozen=True)
class CGBA:
    """Estimate the boundary's normal where the last turn met it, and go inwards on a curve that bends towards it.

    L2: with x the input, r v the change so far and n the estimated normal made orthogonal to v, the circle through the
    boundary point and the input,

        x + r cos(a) (cos(a) v + sin(a) n),    a in [0, pi / 2],

    crosses a flat boundary where that is closest to x. Linf: the change v is bent to `clip(v + a sign(n), -1, 1)` for
    the largest a of 2, 1, 1/2, ... at which the goal is reached within a smaller radius, which is then sought.

    Begins at `task.begin` or at random inputs. Sees labels only. Cost: `steps + 1` queries. Nothing in it depends on
    how many there are.

    Args:
        steps: How many queries after the first.
        looks: Directions in the first turn; sqrt(t) times as many in turn t.
        spread: How far away they look, as a share of the distance.
        memory: Share of the normal that is still the same after a turn.
    """

    steps: int = 5000
    looks: int = 20
    spread: float = 0.1
    memory: float = 0.99

    step = staticmethod(go_on)
    loss = staticmethod(no_loss)

    def start(self, task: Task) -> Walking:
        return set_out(task, self._walk)

    def _walk(self, task: Task) -> Walk:
        """One sample's search."""
        far = yield from found_start(task)
        if far is None:
            return
        inwards = _on_the_cube if task.threat.norm == "linf" else _on_the_circle
        point = yield from boundary_on(task, far, _PRECISION)
        normal, draw = unknown(task), count()
        for turn in count(1):
            spread = self.spread * float((point - task.inputs).norm())
            looks = int(self.looks * math.sqrt(turn))
            normal = yield from asked_around(task, normal.faded(self.memory), point, spread, looks, draw)
            point = yield from inwards(task, point, normal.along(point))


def _on_the_circle(task: Task, point: Tensor, normal: Tensor) -> Generator[Tensor, Tensor, Tensor]:
    """The last point of the circle, seen from `point`, where the goal is reached; by bisection of the angle."""
    at, low, high = circle(task, point, normal), 0.0, math.pi / 2
    for _ in range(_BISECTIONS):
        angle = (low + high) / 2
        low, high = (angle, high) if bool((yield at(angle))) else (low, angle)
    return at(low) if low else point


def _on_the_cube(task: Task, point: Tensor, normal: Tensor) -> Generator[Tensor, Tensor, Tensor]:
    """The boundary in a direction that is bent as far towards the normal as brings it nearer, or `point` itself."""
    change = point - task.inputs
    radius = float(change.abs().max())
    for halvings in range(-1, 4):
        bent = (change / radius + 2.0**-halvings * normal.sign()).clamp(-1, 1)
        closer = radius * (1 - _PRECISION)
        if bool((yield clipped(task, task.inputs + closer * bent))):
            closer = yield from shrunk(task, bent, closer, _PRECISION)
            return clipped(task, task.inputs + closer * bent)
    return point
