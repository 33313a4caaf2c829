"""Aim at the classes whose linearised boundaries are nearest (after MALT, Melamed et al. 2024, https://arxiv.org/abs/2407.02240).

Deviations: boundaries are measured in the norm of the threat, where the paper takes L2; any attack follows, where the
paper runs APGD.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sparring.attacks.parts.hyperplane import dual_length
from sparring.engine import Ask, Attack, Seen, State, Task, Want
from sparring.engine.contract import wants
from sparring.tensors import flat, pick, put, take

__all__ = ["NearestClass"]


@dataclass(frozen=True)
class _Aimed(State):
    """What is followed, and how a row came to it.

    Args:
        inner: State of the attack that is aimed.
        aim: Class at which it is aimed, `(B,)`.
        classes: Those that were looked at, `(B, looks)`.
        away: How far their boundaries are; infinite while unknown, and once the attack was run at one, `(B, looks)`.
        looked: How many were looked at, `(B,)`.
        runs: How often the attack was begun, `(B,)`.
        age: Steps of the run at hand, `(B,)`.
    """

    inner: Any
    aim: Tensor
    classes: Tensor
    away: Tensor
    looked: Tensor
    runs: Tensor
    age: Tensor


@dataclass(frozen=True)
class NearestClass:
    """Look at the input once for each of the best other classes, then run an attack at those with the nearest boundary.

    With f the margin of a class over the true one at the input, q the norm dual to the threat's:

        distance of a class = |f| / ||gradient of f||_q

    The attack is run to its end at the nearest class, then at the next, `aims` times. Where a class is wanted or aimed
    at already, it is run at that one. Cost: `looks` forwards and backwards, and `aims` times the attack's.

    Args:
        attack: What is aimed; one point and one loss per look.
        looks: How many classes to look at, the best first; no more than there are others.
        aims: At how many of them to run the attack.
    """

    attack: Attack
    looks: int = 9
    aims: int = 1

    @property
    def steps(self) -> int:
        return self.looks + self.aims * (self.attack.steps + 1) - 1

    def loss(self, task: Task, state: _Aimed, outputs: Any) -> Tensor:
        """The margin of the class that is looked at, and later what the attack climbs."""
        climbed, scores = (
            self.attack.loss(replace(task, aim=state.aim), state.inner, outputs),
            task.goal.scores(outputs),
        )
        looking = self._looking(state.looked, scores)
        if not bool(looking.any()):
            return climbed
        which = _ranked(task, scores[:, 0], state.looked)[:, None, None].expand(-1, scores.shape[1], 1)
        own = task.goal.labels[:, None, None].expand_as(which)
        ahead = (scores.gather(-1, which) - scores.gather(-1, own)).to(climbed)
        return torch.where(looking[:, None, None], ahead, climbed)

    def start(self, task: Task) -> _Aimed:
        given = task.goal.wanted if task.goal.wanted is not None else task.aim
        aim = task.goal.labels if given is None else given
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        inner = self.attack.start(replace(task, aim=aim))
        state = _Aimed(
            inner.ask,
            done=none > 0,
            inner=replace(inner, done=None),
            aim=aim,
            classes=none[:, None].expand(-1, self.looks),
            away=torch.full((len(task), self.looks), torch.inf, device=none.device),
            looked=none if given is None else none + self.looks,
            runs=none if given is None else none + self.aims,
            age=none,
        )
        return state if given is not None else replace(state, ask=_asked(task, inner.ask, none == 0))

    def step(self, task: Task, state: _Aimed, seen: Seen) -> _Aimed:
        scores = task.goal.scores(seen.outputs)
        looking = self._looking(state.looked, scores)
        state = _noted(task, state, seen, scores, looking) if bool(looking.any()) else state
        inner = self.attack.step(replace(task, aim=state.aim), state.inner, seen)
        over = (
            (state.age >= self.attack.steps)
            if inner.done is None
            else (state.age >= self.attack.steps) | inner.done
        )
        still = self._looking(state.looked, scores)
        begin = ~still & (looking | over)
        best, nearest = state.away.min(1)
        done = begin & ((state.runs >= self.aims) | best.isinf())
        aim = torch.where(begin & ~done, _at(state.classes, nearest), state.aim)
        rows = begin.nonzero().squeeze(1)
        if len(rows):
            inner = put(
                replace(inner, done=None), rows, self.attack.start(take(replace(task, aim=aim), rows))
            )
        return _Aimed(
            _asked(task, inner.ask, still),
            done=done,
            inner=replace(inner, done=None),
            aim=aim,
            classes=state.classes,
            away=pick(begin, state.away.scatter(1, nearest[:, None], torch.inf), state.away),
            looked=state.looked,
            runs=state.runs + begin,
            age=torch.where(begin | looking, 0, state.age + 1),
        )

    def _looking(self, looked: Tensor, scores: Tensor) -> Tensor:
        """Which rows still look at classes, `(B,)`."""
        return looked < max(1, min(self.looks, scores.shape[-1] - 1))


def _noted(task: Task, state: _Aimed, seen: Seen, scores: Tensor, looking: Tensor) -> _Aimed:
    """The state with the boundary that was just looked at, in rows that were looking."""
    slope = dual_length(task.threat, flat(seen.gradient)).float()
    away = (seen.loss.abs().float() / slope.clamp_min(1e-12)).nan_to_num(posinf=1e30).clamp_max(1e30)
    place = state.looked.clamp_max(state.away.shape[1] - 1)[:, None]
    which = _ranked(task, scores[:, 0], state.looked)
    return replace(
        state,
        classes=pick(looking, state.classes.scatter(1, place, which[:, None]), state.classes),
        away=pick(looking, state.away.scatter(1, place, away[:, None]), state.away),
        looked=state.looked + looking,
    )


def _ranked(task: Task, scores: Tensor, rank: Tensor) -> Tensor:
    """The class of this rank among the others by descending score `(B, C)`; from 0 on, `(B,)`."""
    order = scores.scatter(1, task.goal.labels[:, None], -torch.inf).argsort(
        dim=1, descending=True, stable=True
    )
    return _at(order, rank.clamp_max(scores.shape[1] - 1))


def _at(table: Tensor, column: Tensor) -> Tensor:
    """One entry of each row, `(B,)`."""
    return table.gather(1, column[:, None]).squeeze(1)


def _asked(task: Task, ask: Ask, looking: Tensor) -> Ask:
    """Rows that look at classes ask about the input, the others what the attack asks."""
    points = pick(looking, task.inputs[:, None], ask.points)
    return Ask(points, torch.where(looking, int(Want.GRADIENTS), wants(ask)), ask.valid)
