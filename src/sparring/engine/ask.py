"""The one seam through which any model is seen: `ask(model, points, ...) -> Seen`.

Everything here is about one look at one batch: which rows are shown, what is charged is decided elsewhere
(`books.py`). A speed-up replaces the model or this function; the engine does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from sparring.engine.contract import Ask, Attack, Seen, Task, Want
from sparring.models.canonical import show
from sparring.tensors import flat, take, tree_map

__all__ = ["Look", "ask", "hide", "judged"]

Look = Callable[[Tensor], Any]
"""A model: points `(N, *shape)` to outputs with N rows."""


def ask(model: Look, attack: Attack, task: Task, state: Any, climb: bool) -> Seen:
    """Look at the valid points of every row; what is not valid is not shown, and comes back as zeros.

    Args:
        model: The model that is searched.
        attack: Whose loss is climbed.
        task: B rows.
        state: The attack's state; `state.ask` holds the points `(B, P, *shape)`.
        climb: Whether the rows want gradients.
    """
    points, valid = state.ask.points, state.ask.valid
    place = None if valid is None or bool(valid.all()) else valid
    with torch.set_grad_enabled(climb):
        shown = _render(task, points)
        shown = (shown.flatten(0, 1) if place is None else shown[place]).detach().requires_grad_(climb)
        outputs = tree_map(lambda values: _placed(values, points, place), show(model, shown))
        losses = None if state.ask.want is Want.LABELS else attack.loss(task, state, outputs)
        gradients = _gradients(losses, shown, points, place) if climb and losses is not None else None
    outputs, losses = tree_map(Tensor.detach, outputs), tree_map(Tensor.detach, losses)
    margin = task.goal.margin(outputs)
    odd = (~margin.isfinite() if place is None else ~margin.isfinite() & place).any(1)
    if losses is not None:
        losses = losses.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
    if gradients is not None and not bool(gradients.sum().isfinite()):
        odd = odd | ~flat(gradients).isfinite().all(1)
        gradients = gradients.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    return Seen(outputs, _distance(task, state.ask, outputs), losses, gradients, odd, margin)


def hide(seen: Seen, task: Task, ask: Ask) -> Seen:
    """What the attacker may see: the predicted classes alone if only labels were wanted."""
    told = task.goal.scores(seen.outputs).argmax(-1) if ask.want is Want.LABELS else None
    return seen if told is None else replace(seen, outputs=told, margin=None)


def judged(judge: Look, task: Task, ask: Ask, asked: Tensor) -> Tensor:
    """`Seen.distance` `(B, P)` of the points `asked` `(B, P)` in the eyes of `judge`."""
    away = torch.full(asked.shape, torch.inf, device=asked.device)
    rows, which = asked.nonzero(as_tuple=True)
    if len(rows):
        mine, points = take(task, rows), ask.at(rows, which)
        with torch.no_grad():
            told = tree_map(lambda each: each[:, None], show(judge, mine.threat.render(points, mine.inputs)))
        away[rows, which] = _distance(mine, Ask(points[:, None], ask.want), told)[:, 0]
    return away


def _render(task: Task, points: Tensor) -> Tensor:
    """What the model is shown, `(B, P, *shape)`."""
    if points.shape[1] == 1:
        return task.threat.render(points[:, 0], task.inputs)[:, None]
    return torch.stack([task.threat.render(each, task.inputs) for each in points.unbind(1)], 1)


def _distance(task: Task, ask: Ask, outputs: Any) -> Tensor:
    """How far the points are that reach the goal and are allowed, infinite for others, `(B, P)`."""
    hits = task.goal.reached(outputs)
    away = torch.full(hits.shape, torch.inf, device=hits.device)
    rows, which = (hits if ask.valid is None else hits & ask.valid).nonzero(as_tuple=True)
    if len(rows):
        threat, inputs = take((task.threat, task.inputs), rows)
        shown = threat.render(ask.at(rows, which), inputs)
        far = threat.distance(shown, inputs).float()
        away[rows, which] = torch.where(threat.contains(shown, inputs, far), far, torch.inf)
    return away


def _gradients(losses: Tensor, shown: Tensor, points: Tensor, place: Tensor | None) -> Tensor:
    """Gradients of each of the L losses with respect to the inputs only, `(B, P, L, *shape)`; zero if cut off."""
    count = losses.shape[-1]
    if not losses.requires_grad:
        return points.new_zeros(*points.shape[:2], count, *points.shape[2:])
    each = [
        torch.autograd.grad(one.sum(), shown, retain_graph=index + 1 < count, materialize_grads=True)[0]
        for index, one in enumerate(losses.unbind(-1))
    ]
    return _placed(torch.stack(each, 1) if count > 1 else each[0][:, None], points, place)


def _placed(values: Tensor, points: Tensor, place: Tensor | None) -> Tensor:
    """Values of the points that were shown, `(N, ...)`, in their places `(B, P, ...)`; zero elsewhere."""
    if place is None:
        return values.unflatten(0, points.shape[:2])
    return values.new_zeros(*points.shape[:2], *values.shape[1:]).index_put((place,), values)
