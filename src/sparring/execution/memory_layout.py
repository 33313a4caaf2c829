"""Channels last: the layout in memory that convolutions on many devices are fastest in."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["channels_last"]


class _ChannelsLast(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: Tensor) -> Any:
        return self.module(inputs.contiguous(memory_format=torch.channels_last))


def channels_last(module: nn.Module) -> nn.Module:
    """A copy for inputs `(B, C, H, W)` whose weights and activations are stored channels last."""
    return _ChannelsLast(deepcopy(module).requires_grad_(False).to(memory_format=torch.channels_last))  # type: ignore[call-overload]  # torch's stubs
