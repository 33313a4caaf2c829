"""The boundary attack (Brendel, Rauber & Bethge 2018, https://arxiv.org/abs/1712.04248): a random walk, the baseline.

L2, labels only. Deviation: the two step lengths follow each success and failure instead of rates over many.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from sparring.attacks.parts.crossing import boundary_on, clipped, found_start
from sparring.attacks.parts.normals import directions
from sparring.attacks.parts.walks import Walk, Walking, go_on, no_loss, set_out
from sparring.engine import Task
from sparring.threat.l2 import unit

__all__ = ["BoundaryWalk"]


@dataclass(frozen=True)
class BoundaryWalk:
    """Step sideways on the sphere about the input; if the goal is still reached, step towards the input.

    With x the input, r v the change so far and u random of length one:

        x + r unit(v + aside u),    then    x + (1 - inwards) r unit(v + aside u)

    `aside` is kept where half of the steps succeed, `inwards` where a quarter do.

    Begins at `task.begin` or at random inputs. Sees labels only. For L2. Cost: `steps + 1` queries.

    Args:
        steps: How many queries after the first.
        aside: The first step sideways, as a share of the distance.
        inwards: The first step inwards, likewise.
    """

    steps: int = 5000
    aside: float = 0.1
    inwards: float = 0.05

    step = staticmethod(go_on)
    loss = staticmethod(no_loss)

    def start(self, task: Task) -> Walking:
        return set_out(task, self._walk)

    def _walk(self, task: Task) -> Walk:
        """One sample's search."""
        far = yield from found_start(task)
        if far is None:
            return
        change = (yield from boundary_on(task, far, 0.01)) - task.inputs
        aside, inwards = self.aside, self.inwards
        for draw in count():
            turned = change.norm() * unit(unit(change) + aside * directions(task, 1, draw))
            stays = bool((yield clipped(task, task.inputs + turned)))
            aside *= 1.1 if stays else 1 / 1.1
            if stays:
                change = turned
                closer = bool((yield clipped(task, task.inputs + (1 - inwards) * change)))
                change = (1 - inwards) * change if closer else change
                inwards = min(inwards * 1.3, 0.5) if closer else inwards / 1.1
