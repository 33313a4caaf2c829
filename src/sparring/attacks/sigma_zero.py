"""sigma-zero (Cina et al. 2025, https://arxiv.org/abs/2402.01879): a smooth stand-in for the number of changed values.

Follows the authors' code. Deviation: where an L0 threat counts pixels or squares of them, the stand-in and the
threshold see the length of the change of a whole pixel or square instead of one value: the search is sparse in groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.attacks.parts.adam import Moments, adam, no_moments
from sparring.attacks.parts.losses import margin
from sparring.attacks.parts.schedules import cosine
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.errors import ThreatError
from sparring.tensors import either, flat, over_rows, per_row
from sparring.threat.box import allowed
from sparring.threat.units import added_up, spread_out

__all__ = ["SigmaZero"]


@dataclass(frozen=True)
class _Sparse(State):
    """The moments of Adam, the threshold below which changes are dropped, and steps taken; the last two `(B,)`."""

    moments: Moments
    threshold: Tensor
    taken: Tensor


@dataclass(frozen=True)
class SigmaZero:
    """Descend loss and smooth count together; drop what stays below a threshold that follows success. L0 only.

    With d the change, n its size, L the loss (positive once the goal is reached), s `smoothness`:

        gradient of  max(-L, 0) + (1 / n) sum_i d_i^2 / (d_i^2 + s),   divided by its largest entry
        d <- clip(d - step_size Adam(gradient)) into the range of the data
        threshold <- threshold + 0.01 step_size     where the goal is reached, else - 0.01 step_size
        d_i <- 0                                    where |d_i| < threshold

    `step_size` falls along a cosine to a tenth. Looks for the smallest change whatever eps is. Cost: `steps + 1`
    forwards, `steps` backwards.

    Args:
        steps: How many steps to take.
        step_size: Length of the first step per value, as a share of the range of the data.
        threshold: The first threshold, likewise.
        smoothness: How sharp the stand-in is.
        loss: What is climbed; positive once the goal is reached.
    """

    steps: int = 500
    step_size: float = 1.0
    threshold: float = 0.3
    smoothness: float = 1e-3
    loss: AttackLoss = margin

    def start(self, task: Task) -> _Sparse:
        if task.threat.norm != "l0":
            raise ThreatError(f"sigma-zero finds smallest changes in l0, not in {task.threat.norm}; use FMN")
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        first = torch.full(none.shape, self.threshold, device=none.device)
        return _Sparse(gradient_at(task.inputs), moments=no_moments(task.inputs), threshold=first, taken=none)

    def step(self, task: Task, state: _Sparse, seen: Seen) -> _Sparse:
        reached, width = task.goal.reached(seen.outputs)[:, 0], _width(task)
        change = (state.point - task.inputs).div_(width)
        short = per_row((seen.loss <= 0).to(change), change)
        slope = self._slope(task, change).addcmul_(-width * short, seen.gradient)
        slope = allowed(slope, task.threat.mask)
        slope = slope.div_(over_rows(_largest(slope).clamp_min(1e-12), slope))
        moments, way, _ = adam(state.moments, slope, state.taken)
        before, length = (
            cosine(self.step_size, self.step_size / 10, each, self.steps)
            for each in ((state.taken - 1).clamp_min(0), state.taken)
        )
        moved = task.threat.box.clip_(torch.addcmul(state.point, -width * per_row(before, way), way))
        threshold = (state.threshold + torch.where(reached, 0.01, -0.01) * length).clamp(0, 1)
        large = _size(task, (moved - task.inputs).div_(width)) >= per_row(threshold, change).square()
        moved = either(large, moved, task.inputs)
        return _Sparse(gradient_at(moved), moments=moments, threshold=threshold, taken=state.taken + 1)

    def _slope(self, task: Task, change: Tensor) -> Tensor:
        """Gradient of the smooth count with respect to the change."""
        count = added_up(task.threat, change[:1]).numel()
        spread = (_size(task, change) + self.smoothness).square_()
        return (change / spread).mul_(2 * self.smoothness / count)


def _size(task: Task, change: Tensor) -> Tensor:
    """The square of each change: of the value, or of all of the pixel or square that it lies in, `(B, *shape)`."""
    return spread_out(task.threat, added_up(task.threat, change.square()), change)


def _largest(slope: Tensor) -> Tensor:
    """The largest entry of each row, without its sign, `(B,)`."""
    return torch.maximum(flat(slope).amax(1), -flat(slope).amin(1))


def _width(task: Task) -> float | Tensor:
    """The range of each coordinate."""
    width = task.threat.box.high - task.threat.box.low
    return width.clamp_min(1e-12) if isinstance(width, Tensor) else width
