"""Tensors in a file, of which some are too large to be held at once and are written a piece at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["Pieces", "write_tensors"]

_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


@dataclass(frozen=True)
class Pieces:
    """A tensor that nobody has to hold as a whole.

    Args:
        shape: `(N, *shape)`.
        dtype: Of its numbers.
        read: Gives its rows in order, in pieces of any length, anew each time.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    read: Callable[[], Iterator[Tensor]]

    def whole(self) -> Tensor:
        """All of it."""
        return torch.cat([torch.empty(0, *self.shape[1:], dtype=self.dtype), *self.read()])


def write_tensors(tensors: Mapping[str, Tensor | Pieces], path: Path) -> None:
    """Write a safetensors file (https://github.com/huggingface/safetensors, "Format"), a piece at a time.

    Its length and a header in JSON with type, shape and place of each tensor come first, then all numbers. Those of
    the widest types come first, so that each begins at a multiple of its width.
    """
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    header, end = {}, 0
    for name in order:
        each = tensors[name]
        begin, end = end, end + prod(each.shape) * each.dtype.itemsize
        header[name] = {"dtype": _NAMES[each.dtype], "shape": list(each.shape), "data_offsets": [begin, end]}
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % 8)
    with path.open("wb") as file:
        file.write(len(words).to_bytes(8, "little") + words)
        for name in order:
            each = tensors[name]
            for piece in each.read() if isinstance(each, Pieces) else (each,):
                file.write(piece.detach().cpu().numpy().tobytes())
