"""RayS (Chen & Gu 2020, https://arxiv.org/abs/2006.12792): the vertex direction with the closest boundary, labels only.

Deviations: blocks are squares of one channel where the authors halve the flattened input; they are tried in random
order, at a radius that is smaller by `precision`; a success is followed inwards by strides that double before it is
bisected, to a share of the radius instead of 0.001; after single values the blocks begin anew; and directions that fail
to begin with are replaced by random ones.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

from sparring.attacks.parts.crossing import TRIES, clipped, shrunk, signs_of_cells
from sparring.attacks.parts.walks import Walk, Walking, go_on, no_loss, set_out
from sparring.attacks.parts.windows import as_image
from sparring.engine import Task

__all__ = ["RayS"]


@dataclass(frozen=True)
class RayS:
    """Flip the signs of one block of the direction; keep what still reaches the goal within a smaller radius.

    With x the input, v in {-1, 1}^d and r the smallest radius found so far, a flipped direction is asked about at

        x + (1 - precision) r v

    Begins in the direction of `task.begin`, of all ones, or in random ones. Sees labels only. For Linf. Cost:
    `steps + 1` queries.

    Args:
        steps: How many queries after the first.
        precision: To which share the radius is found.
    """

    steps: int = 5000
    precision: float = 0.003

    step = staticmethod(go_on)
    loss = staticmethod(no_loss)

    def start(self, task: Task) -> Walking:
        return set_out(task, self._walk)

    def _walk(self, task: Task) -> Walk:
        """One sample's search."""
        width = float(torch.as_tensor(task.threat.box.high - task.threat.box.low).max())
        direction = yield from _first(task, width)
        if direction is None:
            return
        radius = yield from shrunk(task, direction, width, self.precision)
        for block in _blocks(task):
            flipped = torch.where(block, -direction, direction)
            closer = radius * (1 - self.precision)
            if bool((yield clipped(task, task.inputs + closer * flipped))):
                direction = flipped
                radius = yield from shrunk(task, direction, closer, self.precision)


def _first(task: Task, width: float) -> Generator[Tensor, Tensor, Tensor | None]:
    """A direction in which the goal is reached at the rim of the data's range."""
    ones = torch.ones_like(task.inputs)
    tried = [ones, -ones] if task.begin is None else [(task.begin - task.inputs + 1e-12).sign(), ones, -ones]
    tried += [signs_of_cells(task, draw) for draw in range(TRIES - len(tried))]
    for direction in tried:
        if bool((yield clipped(task, task.inputs + width * direction))):
            return direction
    return None


def _blocks(task: Task) -> Iterator[Tensor]:
    """Square blocks of single channels as masks `(1, *shape)`, from whole channels to single values, over and over."""
    image = as_image(task.inputs)
    channels, height, width = image.shape[1:]
    for turn in count():
        size = 2 ** max(height - 1, width - 1).bit_length()
        while size >= 1:
            rows, columns = -(-height // size), -(-width // size)
            draw = 1000 + 100 * turn + size.bit_length()
            order = task.draws.uniform(image.new_empty(1, channels * rows * columns), draw=draw)[0].argsort()
            for cell in order.tolist():
                channel, rest = divmod(cell, rows * columns)
                top, left = (each * size for each in divmod(rest, columns))
                block = torch.zeros_like(image, dtype=torch.bool)
                block[:, channel, top : top + size, left : left + size] = True
                yield block.reshape(task.inputs.shape)
            size //= 2
