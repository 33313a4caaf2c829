"""Surrogates that answer as they are and differentiate otherwise, so that their gradients say more about other nets.

The rules see every call of a torch function inside the model, so they hold for modules, functions and exported programs
alike; the model itself is never changed. What they propose only counts by what targets answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

__all__ = ["Backward", "attention_kept", "relu_softened"]

Rule = Callable[[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""From the name of a torch function, the function and its arguments to its result."""


class Backward(nn.Module):
    """A model with another backward pass.

    Args:
        model: From inputs `(N, *shape)` to outputs.
        rule: What some of its functions are replaced by; the values must stay what they are.
    """

    def __init__(self, model: Callable[[Tensor], Any], rule: Rule) -> None:
        super().__init__()
        self.model = model
        self.rule = rule

    def forward(self, inputs: Tensor) -> Any:
        if not torch.is_grad_enabled():
            return self.model(inputs)
        with _Calls(self.rule):
            return self.model(inputs)


def relu_softened(name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """BPA (Wang, Zhao, Zhang, He 2023, https://arxiv.org/abs/2306.12685): less is lost on the way back.

    A ReLU passes gradients as a SiLU would, a maximum pooling spreads them by a softmax over its window (temperature
    10). Deviation: in all layers, where the paper leaves the first ones alone.
    """
    first = args[0] if args and isinstance(args[0], Tensor) else None
    if first is None or not first.requires_grad:
        return func(*args, **kwargs)
    if name in ("relu", "relu_"):
        slope = F.silu(first.clone())  # the step may write into what it was given
        return _with_slope(func(*args, **kwargs), slope)
    if name == "max_pool2d":
        weights = (10 * (first - first.amax((-2, -1), keepdim=True))).exp().detach()
        size, places = args[1:], kwargs
        parts = [
            F.avg_pool2d(each, *size[:3], **_sizes(places)) for each in (first * weights, weights + 1e-12)
        ]
        result = func(*args, **kwargs)
        return _with_slope(result, parts[0] / parts[1]) if parts[0].shape == result.shape else result
    return func(*args, **kwargs)


def attention_kept(name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """PNA (Wei et al. 2022, https://arxiv.org/abs/2109.04176): attention weights count as constants, going back."""
    if name in ("scaled_dot_product_attention", "multi_head_attention_forward"):
        queries, keys, *rest = args
        return func(queries.detach(), keys.detach(), *rest, **kwargs)
    result = func(*args, **kwargs)
    if name == "softmax" and isinstance(result, Tensor) and result.ndim >= 3:
        return result.detach()
    return result


def _sizes(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {
        name: kwargs[name] for name in ("kernel_size", "stride", "padding", "ceil_mode") if name in kwargs
    }


def _with_slope(values: Tensor, slope: Tensor) -> Tensor:
    return values.detach() + (slope - slope.detach())


class _Calls(TorchFunctionMode):
    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.rule = rule

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(getattr(func, "__name__", "")).split(".")[0]
        return self.rule(name, func, args, kwargs or {})
