"""Settings that change while a search goes on."""

from __future__ import annotations

import math

from torch import Tensor

__all__ = ["cosine"]


def cosine(first: float, last: float, taken: Tensor, steps: int) -> Tensor:
    """From `first` to `last` over so many steps along half a cosine, `(B,)`; rows have `taken` steps, `(B,)`."""
    share = (taken / max(steps - 1, 1)).clamp_max(1)
    return last + (first - last) * (1 + (math.pi * share).cos()) / 2
