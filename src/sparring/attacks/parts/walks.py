"""Walks: sequential algorithms, written for one sample as a generator that yields points and receives answers.

Attacks that see labels only bisect, draw and decide by turns, each sample at a place of its own. Written as a
generator such an attack reads as its paper does; here many of them are brought before the engine together, a point
per sample and look, so that every query counts and none is asked for that a budget would cut off.

A running generator cannot be copied: `step` moves it on, and a state is good for one step only.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import NoReturn

import torch
from torch import Tensor

from sparring.engine import Seen, State, Task, labels_at
from sparring.tensors import Each, take

__all__ = ["Walk", "Walking", "go_on", "no_loss", "set_out"]

Walk = Generator[Tensor, Tensor, None]
"""Yields points `(P, *shape)` of one sample and receives whether the goal is reached there, allowed or not, `(P,)`."""


@dataclass(frozen=True)
class Walking(State):
    """The samples' walks, each waiting for the answer at its point."""

    walks: Each


def set_out(task: Task, algorithm: Callable[[Task], Walk]) -> Walking:
    """Begin one walk per row; `algorithm` is given a task of one row and must ask something."""
    rows = torch.arange(len(task), device=task.inputs.device)
    walks = tuple(_singly(algorithm(take(task, row))) for row in rows.split(1))
    points = torch.stack([next(walk) for walk in walks])
    return Walking(labels_at(points), walks=Each(walks), done=torch.zeros_like(rows, dtype=torch.bool))


def go_on(task: Task, state: Walking, seen: Seen) -> Walking:
    """Tell each walk what came out at its point, and take the next one; a walk that returns is done."""
    points, over = list(state.point.unbind()), []
    for row, (walk, hit) in enumerate(zip(state.walks.things, _hits(task, seen), strict=True)):
        following = _told(walk, hit)
        over.append(following is None)
        points[row] = points[row] if following is None else following
    done = torch.tensor(over, device=task.inputs.device)
    return Walking(labels_at(torch.stack(points)), walks=state.walks, done=done)


def no_loss(task: Task, state: Walking, outputs: object) -> NoReturn:
    """The loss of an attack that sees labels only: there is none, and the engine does not ask for it."""
    raise AssertionError("labels have no loss")


def _hits(task: Task, seen: Seen) -> list[bool]:
    """Whether each row's point reaches the goal, inside the threat or not."""
    wanted, answers = task.goal.wanted, seen.outputs[:, 0]
    hits = answers != task.goal.labels if wanted is None else answers == wanted
    told: list[bool] = (hits & ~seen.odd).tolist()
    return told


def _singly(walk: Walk) -> Generator[Tensor, bool, None]:
    """The points of a walk one by one."""
    points = next(walk)
    while True:
        answers = torch.zeros(len(points), dtype=torch.bool, device=points.device)
        for place, point in enumerate(points):
            answers[place] = yield point
        try:
            points = walk.send(answers)
        except StopIteration:
            return


def _told(walk: Generator[Tensor, bool, None], hit: bool) -> Tensor | None:
    """The next point of a walk, None if it returns."""
    try:
        return walk.send(hit)
    except StopIteration:
        return None
