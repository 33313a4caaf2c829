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
    points = state.ask.points.shape[1]
    try:
        return _in_parts(model, attack, task, state, climb, most), most
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        if most <= points:
            raise ModelError("memory ran out on a single sample; use a device with more memory") from error
    return in_memory(model, attack, task, state, climb, max(1, min(most, len(climb) * points) // 2))


def _in_parts(model: Look, attack: Attack, task: Task, state: Any, climb: Tensor, most: int) -> Seen:
    """Ask about rows that climb and rows that do not apart, each in parts of at most `most` points or one row."""
    rows, climbing = max(1, most // state.ask.points.shape[1]), int(climb.sum())
    if climbing in (0, len(climb)) and len(climb) <= rows:
        return ask(model, attack, task, state, climbing > 0)
    kinds = [kind.nonzero().squeeze(1) for kind in (climb, ~climb)]
    parts = [part for kind in kinds if len(kind) for part in kind.split(rows)]
    seen = [ask(model, attack, take(task, part), take(state, part), bool(climb[part[0]])) for part in parts]
    whole = tree_map(lambda *values: torch.cat(values), *(replace(each, gradients=None) for each in seen))
    known = [each.gradients for each in seen if each.gradients is not None]
    if known:  # of the rows that climb, which come first
        rest = known[0].new_zeros(len(climb) - climbing, *known[0].shape[1:])
        whole = replace(whole, gradients=torch.cat([*known, rest]))
    return take(whole, torch.cat(parts).argsort())
