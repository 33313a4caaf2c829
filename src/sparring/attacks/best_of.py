"""Several attacks on one sample: each is tried for a while, and the one that came closest goes on alone.

One round of successive halving (Jamieson & Talwalkar 2016, https://arxiv.org/abs/1502.07943). Which search suits a
model shows in its answers: slopes tell much of a smooth net, and little of 150,000 inputs in a few hundred queries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from sparring.attacks.parts.shown import first_points
from sparring.engine import Ask, Attack, Seen, State, Task, Want
from sparring.tensors import pick, put, take

__all__ = ["BestOf", "Budgeted", "members"]


FEWEST = 10
"""Queries of a trial within a budget, however small that is; a hundredth of larger ones."""

LOOKS = 3
"""Looks of a trial: an attack that learns before it moves has moved twice then."""


class Budgeted(Attack, Protocol):
    """An attack with a schedule for a number of queries."""

    def within(self, queries: int) -> Self: ...


@dataclass(frozen=True)
class _Contest(State):
    """Where each of the A attacks stands.

    Args:
        states: Of each; they ask next what their `ask` says.
        looks: How often each was shown something, `(B, A)`.
        queries: How many points it was shown, `(B, A)`.
        best: The best margin at the points where it stood, `(B, A)`.
        turn: Whose turn it is, `(B,)`.
    """

    states: tuple[Any, ...]
    looks: Tensor
    queries: Tensor
    best: Tensor
    turn: Tensor


@dataclass(frozen=True)
class BestOf:
    """Try each attack for `trial` queries, then let the one with the best margin go on from where it was.

    The margin counts at the first point that an attack asks about, where it stands; the others are looks around it.
    For attacks that see scores and have one loss per point. Cost: that of the best one, and the trials of the others.

    Args:
        attacks: In the order in which they are tried.
        trial: Queries of each, and at least `LOOKS` looks.
    """

    attacks: tuple[Budgeted, ...]
    trial: int = 50

    @property
    def steps(self) -> int:
        """Those of the longest attack, and the trials of the others."""
        return max(each.steps for each in self.attacks) + (len(self.attacks) - 1) * max(LOOKS, self.trial)

    def within(self, queries: int) -> Self:
        """The same attacks with schedules for what is left once the others were tried."""
        trial = max(FEWEST, queries // 100)
        rest = max(1, queries - (len(self.attacks) - 1) * trial)
        fitted = tuple(each.within(rest) for each in self.attacks)
        return replace(self, attacks=fitted, trial=trial)

    def start(self, task: Task) -> _Contest:
        states = tuple(each.start(task) for each in self.attacks)
        none = torch.zeros(len(task), len(states), dtype=torch.int64, device=task.inputs.device)
        low = torch.full(none.shape, -torch.inf, device=none.device)
        return self._asking(_Contest(states[0].ask, states, none, none, low, none[:, 0]))

    def step(self, task: Task, state: _Contest, seen: Seen) -> _Contest:
        assert state.ask.valid is not None
        mine = torch.nn.functional.one_hot(state.turn, len(self.attacks))
        margin = task.goal.margin(seen.outputs)[:, :1].float().nan_to_num(nan=-torch.inf)
        best = torch.where(mine > 0, torch.maximum(state.best, margin), state.best)
        looks, queries = state.looks + mine, state.queries + mine * state.ask.valid.sum(1, keepdim=True)
        states = tuple(
            _stepped(attack, (state.turn == place) & (looks[:, place] <= attack.steps), task, inner, seen)
            for place, (attack, inner) in enumerate(zip(self.attacks, state.states, strict=True))
        )
        return self._asking(_Contest(state.ask, states, looks, queries, best, state.turn))

    def loss(self, task: Task, state: _Contest, outputs: Any) -> Tensor:
        pairs = zip(self.attacks, state.states, strict=True)
        losses = torch.stack([attack.loss(task, inner, outputs) for attack, inner in pairs], 1)
        return losses[torch.arange(len(losses)), state.turn]

    def _asking(self, state: _Contest) -> _Contest:
        """The state with what the attack whose turn it is asks about, filled up to as many points as any asks about."""
        over = torch.stack(
            [each.done if each.done is not None else state.turn < 0 for each in state.states], 1
        )
        over = over | (state.looks > torch.tensor([each.steps for each in self.attacks], device=over.device))
        trying = ((state.queries < self.trial) | (state.looks < LOOKS)) & ~over
        turn = torch.where(trying.any(1), trying.int().argmax(1), state.best.argmax(1))
        most = max(each.ask.points.shape[1] for each in state.states)
        asks = [_filled(each.ask, most) for each in state.states]
        points, valid = asks[0]
        for place, (other, asked) in enumerate(asks[1:], 1):
            rows = turn == place
            points, valid = pick(rows, other, points), pick(rows, asked, valid)
        return replace(
            state, ask=Ask(points, Want.SCORES, valid), turn=turn, done=over.gather(1, turn[:, None])[:, 0]
        )


def members(attack: Attack) -> tuple[Attack, ...]:
    """The attacks that compete in one, or it alone."""
    return attack.attacks if isinstance(attack, BestOf) else (attack,)


def _stepped(attack: Attack, rows: Tensor, task: Task, inner: Any, seen: Seen) -> Any:
    """An attack's next state in the rows that are its own, shown as many points as it asked about."""
    if not bool(rows.any()):
        return inner
    told = first_points(seen, inner.ask.points.shape[1])
    return put(inner, rows, attack.step(*take((task, inner, told), rows)))


def _filled(ask: Ask, count: int) -> tuple[Tensor, Tensor]:
    """The points of an ask and which of them are asked, with points behind them that are not, up to `count`."""
    valid = ask.points.new_ones(ask.points.shape[:2], dtype=torch.bool) if ask.valid is None else ask.valid
    missing = count - ask.points.shape[1]
    if not missing:
        return ask.points, valid
    more = ask.points[:, :1].expand(-1, missing, *ask.points.shape[2:])
    return torch.cat([ask.points, more], 1), torch.cat([valid, valid.new_zeros(len(valid), missing)], 1)
