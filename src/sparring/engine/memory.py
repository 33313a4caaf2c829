"""Asking within memory: a look that does not fit is made in parts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sparring.engine.ask import Look, ask, without_gradients
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
    """Split the rows so that each part has at most `most` points, but at least one row."""
    rows = max(1, most // state.ask.points.shape[1])
    if len(climb) <= rows:
        return ask(model, attack, task, state, climb)
    parts = [
        ask(model, attack, take(task, part), take(state, part), climb[part])
        for part in torch.arange(len(climb), device=climb.device).split(rows)
    ]
    climbing = next((part for part in parts if part.gradients is not None), None)
    if climbing is not None:
        parts = [part if part.gradients is not None else without_gradients(part, climbing) for part in parts]
    return tree_map(lambda *values: torch.cat(values), parts[0], *parts[1:])
