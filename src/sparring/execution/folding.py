"""Batch normalisation folded into the convolution before it: one pass over memory less for each.

In evaluation mode both are linear, so w * x + b, then (y - mean) / sqrt(var + e) * g + h, is one convolution with other
weights (Jacob et al. 2018, https://arxiv.org/abs/1712.05877, section 3.2).
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node, symbolic_trace
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_conv_bn_weights

__all__ = ["folded"]

_CONVOLUTIONS = (torch.ops.aten.conv1d.default, torch.ops.aten.conv2d.default, torch.ops.aten.conv3d.default)


def folded(module: nn.Module) -> nn.Module:
    """A copy with every batch normalisation folded that follows a convolution alone; its weights want no gradient."""
    return _folded(deepcopy(module).requires_grad_(False))


def _folded(module: nn.Module) -> nn.Module:
    if isinstance(module, GraphModule):
        return _folded_graph(module)
    if not any(isinstance(each, _BatchNorm | GraphModule) for each in module.modules()):
        return module
    try:
        return _folded_modules(symbolic_trace(module))
    except Exception:  # code that torch.fx cannot trace; perhaps its parts can be
        for name, child in module.named_children():
            setattr(module, name, _folded(child))
        return module


def _folded_modules(module: GraphModule) -> GraphModule:
    """The same for code that was traced, whose steps are modules."""
    parts = dict(module.named_modules())
    for node in list(module.graph.nodes):
        before = node.args[0] if node.op == "call_module" and node.args else None
        if not isinstance(before, Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        convolution, norm = parts[before.target], parts[node.target]
        if isinstance(convolution, nn.Conv1d | nn.Conv2d | nn.Conv3d) and isinstance(norm, _BatchNorm):
            module.set_submodule(str(before.target), fuse_conv_bn_eval(convolution, norm))
            node.replace_all_uses_with(before)
            module.graph.erase_node(node)
    module.delete_all_unused_submodules()
    module.graph.lint()
    module.recompile()
    return module


def _folded_graph(module: GraphModule) -> GraphModule:
    """The same for an exported program, whose steps are functions on stored weights."""
    for node in list(module.graph.nodes):
        if node.target is torch.ops.aten.batch_norm.default and (weights := _weights(module, node)):
            _replace(module, node, *weights)
    module.graph.lint()
    module.recompile()
    return module


def _weights(module: GraphModule, node: Node) -> tuple[Tensor, Tensor] | None:
    """Weight and bias of the one convolution, if the node normalises what a convolution alone has made."""
    before, *stored, training, _, eps = node.args[:8]
    if (
        not isinstance(before, Node)
        or before.target not in _CONVOLUTIONS
        or len(before.users) > 1
        or training
    ):
        return None
    own = [*before.args[1:3], None][:2]
    if any(each is not None and getattr(each, "op", "") != "get_attr" for each in (*own, *stored)):
        return None
    weight, bias = (_stored(module, each) for each in own)
    scale, shift, mean, variance = (_stored(module, each) for each in stored)
    return fuse_conv_bn_weights(weight, bias, mean, variance, eps, scale, shift)  # type: ignore[arg-type]  # torch's stubs


def _replace(module: GraphModule, node: Node, weight: Tensor, bias: Tensor) -> None:
    """Let the convolution before `node` do the work of both."""
    before: Any = node.args[0]
    names = f"{before.name}_folded_weight", f"{before.name}_folded_bias"
    for name, values in zip(names, (weight, bias), strict=True):
        module.register_buffer(name, values.detach())
    with module.graph.inserting_before(before):
        own = [module.graph.get_attr(name) for name in names]
    before.args = (before.args[0], *own, *before.args[3:])
    node.replace_all_uses_with(before)
    module.graph.erase_node(node)


def _stored(module: GraphModule, node: Any) -> Any:
    """The tensor that a node reads."""
    values: Any = module
    for part in node.target.split(".") if node is not None else ():
        values = getattr(values, part)
    return None if node is None else values
