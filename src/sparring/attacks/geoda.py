"""GeoDA (Rahmati, Moosavi-Dezfooli, Frossard & Dai 2020, https://arxiv.org/abs/2003.06468): normals from the input on.

L2 and Linf, labels only. Deviations: the looks of a turn grow by a fixed factor from the first turn on, so that nothing
depends on the budget, where the authors share it out; looks are a fifth of the distance away; what is known of the
normal is kept from turn to turn (`normals.py`); and a turn that finds no closer boundary leaves the point as it was.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import count

from torch import Tensor

from sparring.attacks.parts.crossing import boundary_on, clipped, found_start, shrunk
from sparring.attacks.parts.normals import asked_around, unknown
from sparring.attacks.parts.walks import Walk, Walking, go_on, no_loss, set_out
from sparring.engine import Task
from sparring.threat.l2 import unit

__all__ = ["GeoDA"]

_SPREAD, _PRECISION = 0.2, 0.01


@dataclass(frozen=True)
class GeoDA:
    """Estimate the boundary's normal n, then look for the boundary from the input x in the direction that n gives.

    With lambda = 0.6 as the authors recommend, and r found by doubling strides and bisection:

        x + r n / |n|  in L2,    x + r sign(n)  in Linf,    looks of a turn = lambda^(-2/3) times those of the last

    Begins at `task.begin` or at random inputs. Sees labels only. Cost: `steps + 1` queries.

    Args:
        steps: How many queries after the first.
        looks: Directions in the first turn.
        growth: The factor by which they grow.
        memory: Share of the normal that is still the same after a turn.
    """

    steps: int = 5000
    looks: int = 20
    growth: float = 0.6 ** (-2 / 3)
    memory: float = 0.98

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
        normal, draw = unknown(task), count()
        for turn in count():
            spread, looks = _SPREAD * float((point - task.inputs).norm()), int(self.looks * self.growth**turn)
            normal = yield from asked_around(task, normal.faded(self.memory), point, spread, looks, draw)
            point = yield from _from_the_input(task, point, normal.along(point))


def _from_the_input(task: Task, point: Tensor, normal: Tensor) -> Generator[Tensor, Tensor, Tensor]:
    """The boundary along the normal, if it is closer than `point`, else `point`."""
    direction = normal.sign() if task.threat.norm == "linf" else unit(normal)
    radius = (1 - _PRECISION) * float(task.threat.distance(point, task.inputs))
    if not bool((yield clipped(task, task.inputs + radius * direction))):
        return point
    radius = yield from shrunk(task, direction, radius, _PRECISION)
    return clipped(task, task.inputs + radius * direction)
