"""SurFree (Maho, Furon & Le Merrer 2021, https://arxiv.org/abs/2011.12807): random circles instead of normals.

L2, labels only. Deviations: directions are random combinations of low frequencies without the orthogonalisation against
earlier ones; the angle is followed by strides that double and then bisected.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import count

from torch import Tensor

from sparring.attacks.parts.crossing import boundary_on, circle, found_start
from sparring.attacks.parts.normals import directions
from sparring.attacks.parts.walks import Walk, Walking, go_on, no_loss, set_out
from sparring.engine import Task

__all__ = ["SurFree"]

_PRECISION = 0.01


@dataclass(frozen=True)
class SurFree:
    """Turn about the input in a random plane, on the circle through the boundary point and the input.

    With x the input, r v the change so far and u a random direction orthogonal to v, it asks at an angle a and at -a:

        x + r cos(a) (cos(a) v + sin(a) u)

    All of the circle is closer than the boundary point; a grows where a turn is won and shrinks where it is not.

    Begins at `task.begin` or at random inputs. Sees labels only. For L2. Cost: `steps + 1` queries.

    Args:
        steps: How many queries after the first.
        angle: The first angle in degrees.
        frequencies: Share of the frequencies of images, along each side, that directions have.
    """

    steps: int = 5000
    angle: float = 30.0
    frequencies: float = 0.25

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
                at = circle(task, point, side)
                if bool((yield at(angle))):
                    point = yield from _followed(at, angle)
                    angle = min(1.5 * angle, math.radians(60))
                    break
            else:
                angle *= 0.95


def _followed(at: Callable[[float], Tensor], angle: float) -> Generator[Tensor, Tensor, Tensor]:
    """The last point of a circle where the goal is reached, given an angle at which it is."""
    low, high = angle, min(2 * angle, math.pi / 2)
    while bool((yield at(high))) and high < math.pi / 2:
        low, high = high, min(2 * high, math.pi / 2)
    for _ in range(4):
        middle = (low + high) / 2
        low, high = (middle, high) if bool((yield at(middle))) else (low, middle)
    return at(low)
