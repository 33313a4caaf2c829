"""Searching in low precision; success is still only what float32 says."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sparring.engine.ask import Look

__all__ = ["in_precision"]


def in_precision(model: Look, precision: torch.dtype) -> Look:
    """The model with its heavy operations in bfloat16 or float16, or the model itself for float32."""
    if precision is torch.float32:
        return model

    def low(points: Tensor) -> Any:
        with torch.autocast(points.device.type, dtype=precision):
            return model(points)

    return low
