"""Showing a model a canonical number of rows, so that a row's answer does not depend on its mates.

Kernels differ with the size of a batch, and so do their last bits. On the CPU, batches that are a multiple of
four gave every row the same bits whatever the batch, for all nets measured in `tests/engine/test_batches.py`;
without padding, batches of one, two and three rows differ. On CUDA a multiple of 32 keeps the number of
different kernels small, but promises nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sparring.errors import ModelError, SparringError
from sparring.tensors import tree_map

__all__ = ["ROWS", "out_of_memory", "show"]

ROWS = {"cpu": 4, "cuda": 32}
"""Batches are filled up to a multiple of this, by kind of device."""


def show(model: Callable[[Tensor], Any], points: Tensor) -> Any:
    """Outputs of the model for points `(N, *shape)`, N rows; the batch is filled up with copies of the last row.

    A model behind an address is shown what is asked and no more: its rows are paid for.
    Where no gradients are wanted, a batch that does not fit into memory is shown in halves.

    Raises:
        ModelError: The model raised something; the sentence says what.
    """
    rows = ROWS.get(points.device.type, 1) if getattr(model, "padded", True) else 1
    missing = -len(points) % rows if len(points) else rows
    try:
        if not missing:
            return model(points)
        filler = points[-1:] if len(points) else points.new_zeros(1, *points.shape[1:])
        outputs = model(torch.cat([points, filler.expand(missing, *points.shape[1:])]))
    except Exception as error:
        if not out_of_memory(error):
            raise _told(error, points) from error
        if torch.is_grad_enabled() or len(points) <= rows:
            raise
    else:
        return tree_map(lambda values: values[: len(points)], outputs)
    half = len(points) // 2 // rows * rows or rows
    parts = show(model, points[:half]), show(model, points[half:])
    return tree_map(lambda *values: torch.cat(values), *parts)


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on any device."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


def _told(error: Exception, points: Tensor) -> SparringError:
    """One sentence for what a user's model raised."""
    if isinstance(error, SparringError):
        return error
    reason = " ".join(str(error).split())[:200]
    return ModelError(
        f"the model failed on inputs of shape {tuple(points.shape)}: {type(error).__name__}: {reason}"
    )
