"""A frozen TorchScript for looks without gradients: weights become constants in the form that kernels want them in."""

from __future__ import annotations

import warnings
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["scripted"]


class _Evaluated(nn.Module):
    """An exported program does not say that it is in evaluation mode, and freezing asks."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.training = False

    def forward(self, inputs: Tensor) -> Any:
        return self.module(inputs)


def scripted(module: nn.Module, inputs: Tensor) -> nn.Module:
    """The module as a frozen script, traced on `inputs` `(B, *shape)`; it gives no gradients.

    Raises:
        Exception: Whatever torch says of a module that cannot be traced.
    """
    copy = _Evaluated(deepcopy(module).requires_grad_(False))
    # torch says that scripts are deprecated, and has nothing else that is as fast without a compiler
    with warnings.catch_warnings(action="ignore"), torch.no_grad():
        trace = torch.jit.trace(copy, inputs, check_trace=False)
        return torch.jit.optimize_for_inference(torch.jit.freeze(trace))
