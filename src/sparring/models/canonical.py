"""Showing a model a canonical number of rows, so that a row's answer does not depend on its mates.

Kernels differ with the size of a batch, and so do their last bits. On the CPU, batches that are a multiple of
eight gave every row the same bits whatever the batch, for all nets measured in `tests/engine/test_batches.py`;
without padding, batches that are no multiple of four differ. On CUDA a multiple of 32 keeps the number of
different kernels small, but promises nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sparring.tensors import tree_map

__all__ = ["ROWS", "show"]

ROWS = {"cpu": 8, "cuda": 32}
"""Batches are filled up to a multiple of this, by kind of device."""


def show(model: Callable[[Tensor], Any], points: Tensor) -> Any:
    """Outputs of the model for points `(N, *shape)`, N rows; the batch is filled up with copies of the last row."""
    missing = -len(points) % ROWS.get(points.device.type, 1)
    if not missing:
        return model(points)
    outputs = model(torch.cat([points, points[-1:].expand(missing, *points.shape[1:])]))
    return tree_map(lambda values: values[: len(points)], outputs)
