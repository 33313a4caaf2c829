"""A stand-in whose gradients point the other way, for models that flip their sign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

__all__ = ["reversed_gradients"]


def reversed_gradients(model: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    """The model, with minus its gradient: `2 x - x` is `x` exactly, and its slope in the second x is -1."""
    return lambda inputs: model(2 * inputs.detach() - inputs)
