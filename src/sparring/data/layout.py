"""The layout of stored images: models take channels first, files often hold something else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Layout", "as_given", "channels_first", "unchanged"]

Array = NDArray[np.generic]
Layout = Callable[[Array], tuple[Array, tuple[str, ...]]]
"""Puts stored inputs into the layout that models take, and says what was changed."""


def unchanged(stored: Array) -> tuple[Array, tuple[str, ...]]:
    """Take what is stored as it is."""
    return stored, ()


def as_given(stored: Array) -> tuple[Array, tuple[str, ...]]:
    """Take float arrays as they are, ready for the model; 8-bit ones are images."""
    return channels_first(stored) if stored.dtype == np.uint8 else (stored, ())


def channels_first(stored: Array) -> tuple[Array, tuple[str, ...]]:
    """Give grey images a channel and put the channels of others first."""
    if stored.ndim == 3:
        return stored[:, None], ("images had no channel and were given one",)
    if stored.ndim == 4 and stored.shape[1] not in (1, 3, 4) and stored.shape[3] in (1, 3, 4):
        return stored.transpose(0, 3, 1, 2), ("images were stored channels last and are now channels first",)
    return stored, ()
