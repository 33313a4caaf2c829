"""A stand-in for models that optimise while they answer, without that: every gradient they take is zero.

Defences that move an input to where it is classified with more confidence, or purify it by gradient steps, are
climbed best as if they did not (Croce, Gowal, Brunner, Shelhamer, Hein & Cemgil 2022,
https://arxiv.org/abs/2202.13711). The stand-in only proposes points: success is what the model itself says of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["STEPS", "unoptimised"]

STEPS = frozenset({"grad", "backward"})
"""How a model takes gradients."""


def unoptimised(model: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    """The model, in which what is differentiated counts as constant."""

    def answer(inputs: Tensor) -> Any:
        with _Flat():
            return model(inputs)

    return answer


class _Flat(TorchFunctionMode):
    """Multiplies whatever is differentiated by zero."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in STEPS and args:
            first = args[0]
            flat = 0 * first if isinstance(first, Tensor) else [0 * each for each in first]
            args = (flat, *args[1:])
        return func(*args, **(kwargs or {}))
