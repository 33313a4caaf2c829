"""Inputs as they are kept: in memory, or in a file of which only the rows are read that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from sparring.data.layout import Array
from sparring.errors import DataError

__all__ = ["InFile", "Kept", "Stored", "in_parts"]

PART = 2**22
"""Most numbers that are looked at together, unless a single row has more."""


class Stored(Protocol):
    """Rows `(N, ...)` as they were stored: an array, a tensor, or `InFile`."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> Any: ...

    def __getitem__(self, rows: Any) -> Any: ...


@dataclass(frozen=True)
class InFile:
    """An array `(N, ...)` that lies in a file, row by row; it is read when rows of it are asked for.

    Args:
        path: The file.
        offset: Where in it the array begins, in bytes.
        dtype: Of its numbers.
        shape: Of the array.
        size, changed: Length of the file and when it was last changed, so that another file is not taken for it.
    """

    path: Path
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Self:
        """The array, in the file as it is now."""
        told = path.stat()
        return cls(path, offset, dtype, shape, told.st_size, told.st_mtime_ns)

    def __getitem__(self, rows: slice | Array) -> Array:
        """A copy of some rows.

        Raises:
            DataError: The file is gone, or is another one by now.
        """
        try:
            told = self.path.stat()
            if (told.st_size, told.st_mtime_ns) != (self.size, self.changed):
                raise DataError(f"{self.path} was changed while it was read; start again")
            # mapped anew each time: what a map has shown counts as memory until the map is gone
            whole: Array = np.memmap(self.path, self.dtype, "r", self.offset, self.shape)
        except OSError as error:
            raise DataError(f"{self.path} cannot be read any more: {error.strerror or error}") from error
        return np.array(whole[rows])


@dataclass(frozen=True, eq=False)
class Kept:
    """Inputs `(N, *shape)`, which are made of what is stored when they are asked for.

    Args:
        stored: `(M, ...)`.
        rows: Which of them, in order, `(N,)`.
        floats: Makes inputs of stored rows.
    """

    stored: Stored
    rows: Tensor
    floats: Callable[[Any], Tensor]

    @classmethod
    def of(cls, stored: Stored, floats: Callable[[Any], Tensor]) -> Self:
        """All rows, in order: of a file when they are asked for, of what is in memory now."""
        rows = torch.arange(stored.shape[0])
        return cls(stored, rows, floats) if isinstance(stored, InFile) else cls(floats(stored), rows, _as_is)

    @classmethod
    def whole(cls, inputs: Tensor) -> Self:
        """Inputs that are there already."""
        return cls(inputs, torch.arange(len(inputs)), _as_is)

    def changed(self, change: Callable[[Tensor], Tensor]) -> Kept:
        """The same inputs after a change of each row, made when they are asked for if they lie in a file, else now."""
        if not isinstance(self.stored, InFile):
            return Kept.whole(change(self.read()))
        return replace(self, floats=partial(_then, self.floats, change))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Tensor | slice) -> Kept:
        """Some of them; nothing is read."""
        return replace(self, rows=self.rows[rows])

    def read(self) -> Tensor:
        """The inputs, float32, in units of scale float64; those that follow one another in memory share it."""
        rows = self.rows
        if len(rows) and bool((rows.diff() == 1).all()):
            return self.floats(self.stored[int(rows[0]) : int(rows[-1]) + 1])
        return self.floats(self.stored[rows.numpy()])

    def span(self) -> tuple[Tensor, Tensor]:
        """The lowest and the highest value of each coordinate."""
        lows, highs = zip(*((part.amin(0), part.amax(0)) for part in self.parts()), strict=True)
        return torch.stack(lows).amin(0), torch.stack(highs).amax(0)

    def parts(self) -> Iterator[Tensor]:
        """All inputs, so many at a time as memory always has room for."""
        for each in in_parts((len(self), *self.stored.shape[1:])):
            yield self[each].read()


def in_parts(shape: tuple[int, ...]) -> Iterator[slice]:
    """All rows of an array of this shape, in slices of at most `PART` numbers."""
    size = max(1, PART // max(1, prod(shape[1:])))
    for start in range(0, shape[0], size):
        yield slice(start, start + size)


def _as_is(inputs: Tensor) -> Tensor:
    return inputs


def _then(floats: Callable[[Any], Tensor], change: Callable[[Tensor], Tensor], stored: Any) -> Tensor:
    return change(floats(stored))
