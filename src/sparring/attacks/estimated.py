"""Gradients from scores: any attack that climbs gradients, for a model that shows none.

Finite differences along waves of low frequency, remembered from step to step: the data prior and the time prior of
bandits (Ilyas, Engstrom & Madry 2019, https://arxiv.org/abs/1807.07978), without their randomness: an orthonormal basis
in place of tiles and noise, and the last value that was seen along each vector in place of a running mean. A surrogate
adds a prior of its own: its gradient is one more direction to ask along, as in P-RGF (Cheng et al. 2019,
https://arxiv.org/abs/1906.06919), whose weights are not needed: what is seen along the direction says what it is worth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from sparring.attacks.parts.bases import Kind, basis_of
from sparring.attacks.parts.shown import first_points
from sparring.engine import Ask, Attack, Seen, State, Task, Want
from sparring.engine.ask import Look
from sparring.errors import ModelError
from sparring.models.canonical import show
from sparring.tensors import flat, pick, tree_map
from sparring.threat.box import kept
from sparring.threat.l2 import unit

__all__ = ["Estimated"]


@dataclass(frozen=True)
class _Learning(State):
    """What is known of each row's gradient.

    Args:
        inner: The inner attack's state.
        order: The vectors that are asked along, in turn, `(B, K)`.
        slopes: The last slope seen along each of all vectors, zero while there is none, `(B, n)`.
        lead: The direction of the surrogate's gradient, of length one in units of the data's range, `(B, n)`; None
            without a surrogate.
        went: How far the points that are asked lie along their vectors, with its sign, `(B, looks)`, the lead's last.
        taken: Steps taken, `(B,)`.
    """

    inner: Any
    order: Tensor
    slopes: Tensor
    lead: Tensor | None
    went: Tensor
    taken: Tensor


@dataclass(frozen=True)
class Estimated:
    r"""Show the inner attack, one of one point and one loss per row, gradients that are put together from scores.

    With x the inner attack's point, L what it climbs, u_1, u_2, ... orthonormal waves, the lowest first, and h `reach`
    times the square root of the number of values, in units of the data's range:

        slope_i <- (L(x + h u_i) - L(x)) / h        along the next `looks` of the waves
        gradient = sum_i slope_i u_i                over all waves, with the last slope that was seen along each

    Where the range of the data leaves more room on the other side, h is negative; where it leaves none, or nothing may
    change, nothing is asked. With a surrogate, one more look a step is h along the direction v of its gradient, and all
    slopes are moved along v, by what they lack there, before those of the waves are set:

        slopes <- slopes + (slope_v - <slopes, v>) v

    The inner attack begins at the input. Sees scores only. Cost: `(looks + 1) * steps + 1` queries at most, and with a
    surrogate `steps` more; what the surrogate is shown is not counted.

    Args:
        attack: What climbs; `begin` of the task is where it starts.
        looks: Waves per step.
        waves: How many are asked along at all, before the first is asked again.
        reach: How far away a slope is told from; more than the scores are rounded by.
        basis: `values` where low frequencies mean nothing.
        surrogate: A model of the attacker's own, inputs `(N, *shape)` to scores of the same classes, with gradients.
    """

    attack: Attack
    looks: int = 10
    waves: int = 1024
    reach: float = 0.005
    basis: Kind = "waves"
    surrogate: Look | None = None

    @property
    def steps(self) -> int:
        """Those of the inner attack."""
        return self.attack.steps

    def within(self, queries: int) -> Self:
        """The same attack for a budget of so many queries per sample; `looks` grows to spend what steps leave over."""
        apart = 1 if self.surrogate is None else 2
        steps = max(1, (queries - 1) // (self.looks + apart))
        looks = max(1, (queries - 1) // steps - apart)
        return replace(self, attack=replace(self.attack, steps=steps), looks=looks)  # type: ignore[type-var]  # attacks are dataclasses

    def start(self, task: Task) -> _Learning:
        inner = self.attack.start(task if task.begin is not None else replace(task, begin=task.inputs))
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        order = basis_of(task, self.basis).order(task, self.waves)
        slopes = torch.zeros_like(task.inputs).flatten(1)
        first = _Learning(inner.ask, inner, order, slopes, None, slopes, none, done=inner.done)
        return self._around(task, first)

    def step(self, task: Task, state: _Learning, seen: Seen) -> _Learning:
        assert seen.losses is not None
        losses = seen.losses[..., 0].to(state.slopes)
        found = ((losses[:, 1:] - losses[:, :1]) / state.went).nan_to_num(0.0, 0.0, 0.0)
        slopes, turn = state.slopes, self._turn(state)
        if state.lead is not None:
            lacks = found[:, -1:] - (slopes * state.lead).sum(1, keepdim=True)
            slopes = slopes + torch.where(state.went[:, -1:] != 0, lacks, 0) * state.lead
        slopes = slopes.scatter(1, turn, found[:, : turn.shape[1]])
        gradient = basis_of(task, self.basis).mixed(slopes).reshape(task.inputs.shape) / _width(task)
        told = replace(first_points(seen, 1), gradients=gradient[:, None, None])
        inner = self.attack.step(task, state.inner, told)
        moved = replace(state, inner=inner, slopes=slopes, taken=state.taken + 1, done=inner.done)
        return self._around(task, moved)

    def loss(self, task: Task, state: _Learning, outputs: Any) -> Tensor:
        return self.attack.loss(task, state.inner, outputs)

    def _around(self, task: Task, state: _Learning) -> _Learning:
        """The state asking about the inner attack's point and, unless it is the last, along the next waves."""
        point, basis = state.inner.point, basis_of(task, self.basis)
        waves = basis.vectors(self._turn(state)).flatten(2)
        lead = None
        if self.surrogate is not None:
            lead = basis.coefficients(self._lead(task, state.inner, self.surrogate))
            waves = torch.cat([waves, basis.mixed(lead).flatten(1)[:, None]], 1)
        length = self.reach * float(point[0].numel()) ** 0.5
        near, went = zip(
            *(_shifted(task, point, wave.view_as(point), length) for wave in waves.unbind(1)), strict=True
        )
        along = (state.taken < self.steps)[:, None] & (torch.stack(went, 1) != 0)
        valid = torch.cat([torch.ones_like(along[:, :1]), along], 1)
        ask = Ask(torch.stack([point, *near], 1), Want.SCORES, valid)
        return replace(state, ask=ask, lead=lead, went=torch.stack(went, 1))

    def _lead(self, task: Task, inner: Any, surrogate: Look) -> Tensor:
        """The direction of the surrogate's gradient at the inner attack's point, of length one, `(B, *shape)`."""
        with torch.enable_grad():
            point = inner.point.detach().requires_grad_()
            outputs = show(surrogate, task.threat.render(point, task.inputs))
            _check_classes(task, outputs)
            loss = self.attack.loss(task, inner, tree_map(lambda values: values[:, None], outputs)).sum()
            (gradient,) = torch.autograd.grad(loss, point)
        return unit(gradient.nan_to_num(0.0, 0.0, 0.0) * _width(task))

    def _turn(self, state: _Learning) -> Tensor:
        """The vectors whose turn it is, `(B, looks)`."""
        known = state.order.shape[1]
        places = torch.arange(min(self.looks, known), device=state.order.device)
        return state.order.gather(1, (state.taken[:, None] * len(places) + places) % known)


def _check_classes(task: Task, outputs: Any) -> None:
    """Refuse a surrogate for other classes than the target's, as far as its clean outputs are known."""
    if not isinstance(task.clean, Tensor) or outputs.shape[-1] == task.clean.shape[-1]:
        return
    raise ModelError(
        f"the surrogate answers with {outputs.shape[-1]:,} classes and the model under attack with "
        f"{task.clean.shape[-1]:,}; give a surrogate of the same classes in the same order"
    )


def _shifted(task: Task, point: Tensor, wave: Tensor, length: float) -> tuple[Tensor, Tensor]:
    """Points so far along a vector, there or back, wherever there is more room; and how far that is, `(B,)`.

    How far is told from what the model is shown, as a share of the data's range.
    """
    width, inputs, shown = _width(task), task.inputs, task.threat.render(point, task.inputs)
    ends, ways = [], []
    for sign in (1, -1):
        end = kept(task.threat.box.clip(point + sign * length * width * wave), inputs, task.threat.mask)
        ends.append(end)
        ways.append(flat((task.threat.render(end, inputs) - shown) / width * wave).sum(1))
    back = ways[1].abs() > 1.01 * ways[0].abs()
    way = torch.where(back, ways[1], ways[0])
    return pick(back, ends[1], ends[0]), torch.where(way.abs() > 0.01 * length, way, 0)


def _width(task: Task) -> float | Tensor:
    """The range of each value."""
    width = task.threat.box.high - task.threat.box.low
    return width.clamp_min(1e-12) if isinstance(width, Tensor) else width
