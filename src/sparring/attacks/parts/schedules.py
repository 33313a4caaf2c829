"""Settings that change while a search goes on."""

from __future__ import annotations

import math

from torch import Tensor

__all__ = ["cosine"]


def cosine(first: float, last: float, taken: Tensor, steps: int) -> Tensor:
    """From `first` towards `last` along half a cosine, for rows that have `taken` steps `(B,)` of so many, `(B,)`.

    As authors write it, who count looks: after so many steps there is a last look, and `last` would follow it.
    """
    share = (taken / (steps + 1)).clamp_max(1)
    return last + (first - last) * (1 + (math.pi * share).cos()) / 2
