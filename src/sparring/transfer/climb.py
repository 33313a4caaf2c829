"""The climb that all transferable attacks share: momentum over the mean of gradients at many views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.attacks import cross_entropy
from sparring.engine import Ask, AttackLoss, Seen, State, Task, Want
from sparring.tensors import flat, over_rows
from sparring.transfer.views import View

__all__ = ["Climb", "mean", "relevance"]


def mean(gradients: Tensor) -> Tensor:
    """The mean over the copies, `(B, P, *shape)` to `(B, *shape)`."""
    return gradients.mean(1)


def relevance(gradients: Tensor) -> Tensor:
    """The first copy's gradient and the mean of the others', weighed by how much they agree.

        s = cos(g_0, g');   s * g_0 + (1 - s) * g'

    GRA (Zhu et al. 2023, https://openaccess.thecvf.com/content/ICCV2023/html/Zhu_Boosting_Adversarial_Transferability_via_Gradient_Relevance_Attack_ICCV_2023_paper.html),
    without its indicator, which shortens steps where signs flip.
    """
    first, others = gradients[:, 0], gradients[:, 1:].mean(1) if gradients.shape[1] > 1 else gradients[:, 0]
    agreement = over_rows(torch.cosine_similarity(flat(first), flat(others)), first)
    return agreement * first + (1 - agreement) * others


@dataclass(frozen=True)
class _Climbing(State):
    """Steps taken `(B,)`, where the row stands and how it is moving `(B, *shape)`."""

    taken: Tensor
    at: Tensor
    velocity: Tensor


@dataclass(frozen=True)
class Climb:
    """Climb the mean loss over `copies` views of the point, with momentum (MI: Dong et al. 2018,
    https://arxiv.org/abs/1710.06081; the views are other papers').

        g <- gather over views T of  J_T' grad L(T(x))      J_T' is the transpose of the view's Jacobian
        v <- decay * v + g / ||g||_1
        x <- project(x + step_size * steepest(v))

    Starts at the input itself. No point on the way is kept, for the target is not asked there: run it with
    `retire="never", keep="last"`. Cost: `steps * copies` gradients and one forward.

    Args:
        steps: How many steps to take.
        copies: Views at each step.
        view: Makes them; none is the point itself.
        decay: What is kept of the velocity at each step; 0 is I-FGSM.
        step_size: Length of a step in the threat's norm; eps / steps if None, but at least a tenth of eps.
        gather: Makes one gradient `(B, *shape)` of those of the copies `(B, P, *shape)`.
        smooth: What is done to a gradient `(B, *shape)` before it counts, such as TI's blur.
        loss: What is climbed.
    """

    steps: int = 10
    copies: int = 1
    view: View | None = None
    decay: float = 1.0
    step_size: float | None = None
    gather: Callable[[Tensor], Tensor] = mean
    smooth: Callable[[Tensor], Tensor] | None = None
    loss: AttackLoss = cross_entropy

    def start(self, task: Task) -> _Climbing:
        at = task.inputs if task.begin is None else task.begin
        taken = torch.zeros(len(task), dtype=torch.int64, device=at.device)
        return self._looking(task, taken, at, torch.zeros_like(at))

    def step(self, task: Task, state: _Climbing, seen: Seen) -> _Climbing:
        gradient = self.gather(self._pulled_back(task, state, seen))
        gradient = gradient if self.smooth is None else self.smooth(gradient)
        size = flat(gradient).abs().sum(1).clamp_min(torch.finfo(gradient.dtype).tiny)
        velocity = self.decay * state.velocity + gradient / over_rows(size, gradient)
        moved = state.at + self._length(task) * task.threat.steepest(velocity, state.at)
        return self._looking(task, state.taken + 1, task.threat.project(moved, task.inputs), velocity)

    def _length(self, task: Task) -> Any:
        return task.threat.eps / min(self.steps, 10) if self.step_size is None else self.step_size

    def _looking(self, task: Task, taken: Tensor, at: Tensor, velocity: Tensor) -> _Climbing:
        """The views of the point; once the steps are done only the point itself, which is what is kept."""
        copies = self._copies(task, taken, self._repeated(at))
        over = taken >= self.steps
        copies[:, 0] = torch.where(over_rows(over, at), at, copies[:, 0])
        valid = ~over[:, None].repeat(1, self.copies)
        valid[:, 0] = True
        return _Climbing(Ask(copies, Want.GRADIENTS, valid), taken=taken, at=at, velocity=velocity)

    def _copies(self, task: Task, taken: Tensor, at: Tensor) -> Tensor:
        """The views of points `(B, P, *shape)`, each of its own."""
        if self.view is None:
            return at
        views = [
            self.view(each, task.draws, taken * self.copies + place)
            for place, each in enumerate(at.unbind(1))
        ]
        return torch.stack(views, 1)

    def _pulled_back(self, task: Task, state: _Climbing, seen: Seen) -> Tensor:
        """The gradients with respect to the point, through each of the views, `(B, P, *shape)`."""
        assert seen.gradients is not None, "a climb asks for gradients"
        gradients = seen.gradients[:, :, 0]
        if self.view is None:
            return gradients
        with torch.enable_grad():
            at = self._repeated(state.at).requires_grad_()
            copies = self._copies(task, state.taken, at)
        return torch.autograd.grad(copies, at, gradients)[0]

    def _repeated(self, at: Tensor) -> Tensor:
        return at.detach().unsqueeze(1).repeat_interleave(self.copies, 1)
