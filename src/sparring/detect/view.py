"""What a detector sees of an input: the input, the model's logits, and the features from which it computes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from sparring.models.canonical import show

__all__ = ["Shown", "View"]

PRODUCTS = {"linear": 0, "addmm": 1, "mm": 0, "matmul": 0}
"""Linear maps, and which of their arguments is mapped."""


@dataclass(frozen=True)
class Shown:
    """Some inputs as a detector sees them, a row each.

    Args:
        inputs: `(N, *shape)`.
        logits: `(N, C)`.
        features: What the last linear map that gives logits was applied to, `(N, D)`; the logits themselves where
            there is no such map.
    """

    inputs: Tensor
    logits: Tensor
    features: Tensor

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class View:
    """A model as detectors see it: from inputs `(N, *shape)` to what is `Shown`, differentiable.

    Args:
        model: From inputs to logits.
        batch: Most inputs shown to it at once by `of`.
    """

    model: Callable[[Tensor], Any]
    batch: int = 64

    def __call__(self, inputs: Tensor) -> Shown:
        return Shown(inputs, *show(self._answer, inputs))

    def of(self, inputs: Tensor) -> Shown:
        """The same for any number of inputs, without gradients."""
        with torch.no_grad():
            parts = [self(part) for part in inputs.split(self.batch)]
        return Shown(
            inputs, torch.cat([each.logits for each in parts]), torch.cat([each.features for each in parts])
        )

    def _answer(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        with _Products() as products:
            logits = self.model(inputs)
        # from the end: what makes logits of features is the last thing that models do
        fitting = (before for before, after in reversed(products.met) if after == logits.shape)
        return logits, next(fitting, logits).flatten(1)


class _Products(TorchFunctionMode):
    """Remembers what was multiplied, and the shape of what came out."""

    def __init__(self) -> None:
        super().__init__()
        self.met: list[tuple[Tensor, torch.Size]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = str(getattr(func, "__name__", "")).split(".")[0]
        if name in PRODUCTS and isinstance(result, Tensor) and len(args) > PRODUCTS[name]:
            self.met.append((args[PRODUCTS[name]], result.shape))
        return result
