"""Models that only take batches of certain sizes, made to take any."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sparring.tensors import tree_map

__all__ = ["AnyBatch"]


class AnyBatch(nn.Module):
    """Cut a batch into pieces that the model takes, and fill up pieces that are too small.

    Args:
        module: The model.
        least: Smallest batch it takes; smaller pieces repeat their last row, and those outputs are dropped.
        most: Largest batch it takes.
    """

    def __init__(self, module: nn.Module, least: int, most: int) -> None:
        super().__init__()
        self.module = module
        self.least = least
        self.most = most

    def forward(self, inputs: Tensor) -> Any:
        outputs = [self._piece(piece) for piece in inputs.split(self.most)]
        return outputs[0] if len(outputs) == 1 else tree_map(lambda *each: torch.cat(each), *outputs)

    def _piece(self, piece: Tensor) -> Any:
        rows = len(piece)
        if rows >= self.least:
            return self.module(piece)
        filler = piece[-1:].expand(self.least - rows, *piece.shape[1:])
        return tree_map(lambda output: output[:rows], self.module(torch.cat([piece, filler])))
