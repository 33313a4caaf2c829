"""How far to go until what remains is nothing: one number per row, by secants between bounds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["balanced"]

_ROUNDS = 64
"""Halving alone needs about 30; secants mostly need three, and ten where the function bends much."""


def balanced(
    look: Callable[[Tensor], tuple[Tensor, Tensor]],
    first: Tensor,
    most: float | Tensor,
    at_zero: float | Tensor = 1.0,
) -> tuple[Tensor, Tensor]:
    """How far `(B,)` in [0, `most`] each row goes, and what is made there; an end where nothing between balances.

    Args:
        look: From how far `(B,)` to what is made there `(B, *shape)` and what remains `(B,)`, as a share: it falls with
            the way. Where it is linear in pieces, the last secant is exact.
        first: Where to look first, `(B,)`.
        most: How far to go at most.
        at_zero: What remains at zero.
    """
    limits = torch.finfo(first.dtype)
    low, high = torch.zeros_like(first), torch.full_like(first, torch.inf)
    before, had = low, low + at_zero
    at = torch.where(had > 0, first, 0)
    for _ in range(_ROUNDS):
        made, rest = look(at)
        short = rest > 0
        low, high = torch.where(short, at, low), torch.where(short, high, at)
        beside = torch.nextafter(low, high)
        on = (rest.abs() > 8 * limits.eps) & torch.where(short, at < most, beside < high)
        if not bool(on.any()):
            break
        fall = ((had - rest) / (at - before)).clamp_min(limits.tiny)
        guess = (at + rest / fall).clamp_max(most)
        middle = torch.maximum((low + high.clamp_max(most)) / 2, beside)
        before, had = at, rest
        at = torch.where(on, torch.where((low < guess) & (guess < high), guess, middle), at)
    return at, made
