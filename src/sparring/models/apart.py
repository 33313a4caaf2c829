"""Asking a model that draws once per call for several draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.models.canonical import show
from sparring.tensors import tree_map

__all__ = ["Apart"]


@dataclass(frozen=True)
class Apart:
    """The model, shown every `draws`-th row in a call of its own.

    Rows that stand side by side are draws of one point. Many randomised defences draw once per call, not per row
    (a size to scale the whole batch to), so in one call these would all be the same draw.
    """

    model: Callable[[Tensor], Any]
    draws: int
    padded = False
    """What is shown to it is filled up here, call by call."""

    def __call__(self, inputs: Tensor) -> Any:
        """Outputs of all rows `(N, *shape)`, in their order."""
        places = torch.arange(len(inputs), device=inputs.device)
        order = [places[first :: self.draws] for first in range(min(self.draws, len(inputs)))]
        back = torch.cat(order).argsort()
        outputs = [show(self.model, inputs.index_select(0, rows)) for rows in order]
        return tree_map(lambda *parts: torch.cat(parts).index_select(0, back), *outputs)
