"""Triangle attack (Wang et al. 2022, https://arxiv.org/abs/2112.06569): the law of sines instead of a boundary point.

L2, labels only. Deviations: directions are random combinations of low frequencies; the angle at the input begins at 30
degrees, where the authors stay near 90, and grows and shrinks by factors; one bisection a turn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from torch import Tensor

from sparring.attacks.parts.crossing import boundary_on, clipped, found_start, plane
from sparring.attacks.parts.normals import directions
from sparring.attacks.parts.walks import Walk, Walking, go_on, no_loss, set_out
from sparring.engine import Task

__all__ = ["Triangle"]

_PRECISION = 0.01
_WIDER, _NARROWER = 1.1, 0.95
"""By which the angle at the input changes after a turn that is won, and after a look that is lost."""


@dataclass(frozen=True)
class Triangle:
    """Turn the change in a random plane, and shorten it as far as the law of sines has it.

    With x the input, r v the change so far, u a random direction orthogonal to v, a the angle at the input and b that
    at the new point:

        x + r sin(a + b) / sin(b) (cos(a) v + sin(a) u)

    It asks at b = (pi - a) / 2, where the change is as long as before, for a and for -a; where the goal is reached,
    half way from there to pi / 2, where it is shorter. a grows where a turn is won and shrinks where a look is lost. A
    turn takes two queries or three, so it is ahead while there are few.

    Begins at `task.begin` or at random inputs. Sees labels only. For L2. Cost: `steps + 1` queries.

    Args:
        steps: How many queries after the first.
        angle: The first angle at the input, in degrees.
        frequencies: Share of the frequencies of images, along each side, that directions have.
    """

    steps: int = 5000
    angle: float = 30.0
    frequencies: float = 0.1

    step = staticmethod(go_on)
    loss = staticmethod(no_loss)

    def start(self, task: Task) -> Walking:
        return set_out(task, self._walk)

    def _walk(self, task: Task) -> Walk:
        """One sample's search."""
        far = yield from found_start(task)
        if far is None:
            return
        point = yield from boundary_on(task, far, _PRECISION)
        angle = math.radians(self.angle)
        for draw in count():
            across = directions(task, 1, draw, self.frequencies)
            for side in (across, -across):
                at, equal = _third_corner(task, point, side, angle), (math.pi - angle) / 2
                if bool((yield at(equal))):
                    shorter = at((equal + math.pi / 2) / 2)
                    point = shorter if bool((yield shorter)) else at(equal)
                    angle = min(_WIDER * angle, math.pi / 2)
                    break
                angle *= _NARROWER


def _third_corner(task: Task, point: Tensor, side: Tensor, angle: float) -> Callable[[float], Tensor]:
    """Where a triangle that has this angle at the input ends, by the angle there; `point` is its other corner."""
    radius, turned = plane(task, point, side)
    way = turned(angle)
    return lambda there: clipped(task, task.inputs + radius * math.sin(angle + there) / math.sin(there) * way)
