"""Asking within memory: a look that does not fit is made in parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from sparring.engine.ask import Look, ask
from sparring.engine.contract import Attack, Seen, Task
from sparring.errors import ModelError
from sparring.models.canonical import out_of_memory
from sparring.tensors import take, tree_map

__all__ = ["in_memory"]


def in_memory(
    model: Look, attack: Attack, task: Task, state: Any, climb: Tensor, most: int
) -> tuple[Seen, int]:
    """Ask about all points, at most `most` at a time; halve that for good whenever memory runs out.

    Returns:
        What was seen, and the number of points that fitted.

    Raises:
        ModelError: A single row does not fit.
    """
    while True:
        try:
            return _in_parts(model, attack, task, state, climb, most), most
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            if most <= state.ask.points.shape[1]:
                raise ModelError(
                    "memory ran out on a single sample; use a larger device or a smaller model"
                ) from error
        most = max(1, min(most, len(climb) * state.ask.points.shape[1]) // 2)


def _in_parts(model: Look, attack: Attack, task: Task, state: Any, climb: Tensor, most: int) -> Seen:
    """Ask about rows that climb and rows that do not apart, each in parts of at most `most` points or one row."""
    rows = max(1, most // state.ask.points.shape[1])
    kinds = [kind.nonzero().squeeze(1) for kind in (climb, ~climb)]
    parts = [part for kind in kinds if len(kind) for part in kind.split(rows)]
    if len(parts) == 1:
        return ask(model, attack, task, state, bool(climb[0]))
    seen = [ask(model, attack, take(task, part), take(state, part), bool(climb[part[0]])) for part in parts]
    # rows that climb come first, so the first part has gradients if any has
    shape = None if seen[0].gradients is None else seen[0].gradients.shape[1:]
    seen = [_with_gradients(each, shape) for each in seen]
    return take(tree_map(lambda *values: torch.cat(values), *seen), torch.cat(parts).argsort())


def _with_gradients(seen: Seen, shape: torch.Size | None) -> Seen:
    """Zero gradients for rows that wanted none, where others did."""
    if shape is None or seen.gradients is not None:
        return seen
    return replace(seen, gradients=torch.zeros(len(seen.odd), *shape, device=seen.odd.device))
