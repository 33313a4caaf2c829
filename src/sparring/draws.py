"""Randomness by counter: a row's numbers depend on its own key alone, never on who shares the batch.

The generator is splitmix64 (Steele, Lea & Flood 2014, https://doi.org/10.1145/2660193.2660195), evaluated at
counters instead of in sequence, so that it works on whole tensors and gives the same bits on every device.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Draws", "row_keys"]

# The 64-bit constants of splitmix64, written as the signed integers that torch knows.
_GAMMA, _MIX_1, _MIX_2 = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15
# Counters of two draws of one row lie 2**32 + 1 apart, farther than any row is long; times gamma, modulo 2**64.
_NEXT_DRAW = 0x1D81F5CE7F4A7C15


def row_keys(seed: int, ids: Sequence[str], *words: object) -> Tensor:
    """Keys `(B,)`, one per sample id; `words` (stage, aim, restart) tell the runs of one sample apart."""
    rest = repr((seed, *words)).encode()
    digests = [
        hashlib.blake2b(each.encode(), key=hashlib.sha256(rest).digest(), digest_size=8) for each in ids
    ]
    keys = [int.from_bytes(each.digest(), "little", signed=True) for each in digests]
    return torch.tensor(keys, dtype=torch.int64)


@dataclass(frozen=True)
class Draws:
    """Numbers for the rows whose `keys` `(B,)` these are.

    `draw` counts the draws of one row; it is a number or, where rows are of different age, `(B,)`.
    """

    keys: Tensor

    def uniform(self, like: Tensor, draw: int | Tensor = 0) -> Tensor:
        """Uniform numbers in [0, 1) with up to 24 random bits, shaped and typed like `like` `(B, ...)`."""
        digits = min(
            24, 1 - round(math.log2(torch.finfo(like.dtype).eps))
        )  # as many as the type holds exactly
        bits = self._bits(like, draw) >> 64 - digits & (1 << digits) - 1
        return bits.to(like.dtype).mul_(2.0**-digits)

    def signs(self, like: Tensor, draw: int | Tensor = 0) -> Tensor:
        """-1 or 1, each with probability one half, like `like` `(B, ...)`."""
        return (self._bits(like, draw) >> 62 & 2).sub_(1).to(like.dtype)

    def normal(self, like: Tensor, draw: int | Tensor = 0) -> Tensor:
        """Standard normal numbers like `like` `(B, ...)` (Box & Muller 1958: radius and angle from one word)."""
        bits = self._bits(like, draw)
        radius = (bits >> 32 & 0xFFFFFFFF).double().add_(1).mul_(2.0**-32).log_().mul_(-2).sqrt_()
        angle = (bits & 0xFFFFFFFF).double().mul_(2 * math.pi * 2.0**-32)
        return (radius * angle.cos_()).to(like.dtype)

    def _bits(self, like: Tensor, draw: int | Tensor) -> Tensor:
        """64 random bits for every element of `like`."""
        size = math.prod(like.shape[1:])
        counter = torch.arange(size, device=like.device) * _GAMMA
        start = self.keys.to(like.device) + torch.as_tensor(draw, device=like.device) * _NEXT_DRAW
        z = start[:, None] + counter
        z = (z ^ (z >> 30 & 0x3FFFFFFFF)) * _MIX_1
        z = (z ^ (z >> 27 & 0x1FFFFFFFFF)) * _MIX_2
        return (z ^ (z >> 31 & 0x1FFFFFFFF)).view(like.shape)
