"""Gradients of convolutions of few channels as one matrix product: kernels made for many channels fill up the rest.

The gradient at the inputs of a convolution is the transposed weights times the gradient at its outputs, a column for
each window, and each column added where its window lies (Chellapilla et al. 2006, https://inria.hal.science/inria-00112631).
"""

from __future__ import annotations

from copy import deepcopy
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.nn import functional

__all__ = ["thin"]

FEW = 4
"""Channels of inputs up to which a convolution is thin: those of images."""


def thin(module: nn.Module) -> nn.Module:
    """A copy whose thin convolutions of images give the gradients of their inputs, and none of their weights."""
    copy = deepcopy(module).requires_grad_(False)
    for name, part in list(copy.named_modules()):
        if isinstance(part, GraphModule):
            _thin_graph(part)
        elif name and isinstance(part, nn.Conv2d) and _fits(part.weight, part.groups) and _zeros(part):
            copy.set_submodule(name, _Thin(part))
    return copy


def _zeros(part: nn.Conv2d) -> bool:
    return part.padding_mode == "zeros" and not isinstance(part.padding, str)


def _fits(weight: Tensor, groups: int) -> bool:
    return groups == 1 and weight.shape[1] <= FEW


def _thin_graph(module: GraphModule) -> None:
    """The same for an exported program, whose steps are functions on stored weights."""
    for node in module.graph.nodes:
        if node.target is torch.ops.aten.conv2d.default and _weight_fits(module, node):
            node.target = _convolved
    module.recompile()


def _weight_fits(module: GraphModule, node: Node) -> bool:
    weight: Any = node.args[1]
    groups: Any = node.args[6] if len(node.args) > 6 else 1
    return weight.op == "get_attr" and _fits(attrgetter(weight.target)(module), groups)


class _Thin(nn.Module):
    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, inputs: Tensor) -> Tensor:
        own = self.convolution
        return _convolved(inputs, own.weight, own.bias, own.stride, own.padding, own.dilation)


def _convolved(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """`conv2d`, for one group."""
    if not inputs.requires_grad:
        return functional.conv2d(inputs, weight, bias, stride, padding, dilation)
    result: Tensor = _Convolved.apply(inputs, weight, bias, (stride, padding, dilation))  # type: ignore[no-untyped-call]  # torch's stubs
    return result


class _Convolved(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None, shape: tuple[Any, Any, Any]
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.size, ctx.shape = inputs.shape[2:], shape
        return functional.conv2d(inputs, weight, bias, *shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (weight,), (stride, padding, dilation) = ctx.saved_tensors, ctx.shape
        columns = weight.flatten(1).T @ gradients[0].flatten(2)
        folded = functional.fold(columns, ctx.size, weight.shape[2:], dilation, padding, stride)
        return folded, None, None, None
