"""Fingerprints of inputs: equal parts of two inputs give equal numbers.

Blacklight (Li, Shan, Wenger, Zhang, Zheng & Zhao 2022, https://arxiv.org/abs/2006.14042). Deviation: windows
are hashed by a salted polynomial and splitmix64 instead of SHA-256, all at once; who does not know the salt cannot
aim at the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sparring.errors import UsageError

__all__ = ["Fingerprints"]


@dataclass(frozen=True)
class Fingerprints:
    """Values rounded coarsely, cut into overlapping windows, each window hashed, the smallest numbers kept.

    Args:
        step: What values are rounded to, in units of the data.
        window: Values in a window; it moves on by one.
        kept: Numbers per input.
        salt: Secret.
    """

    step: float = 50 / 255
    window: int = 20
    kept: int = 50
    salt: int = 0

    def __post_init__(self) -> None:
        if not self.step > 0 or self.window < 1 or self.kept < 1:
            raise UsageError(
                f"step, window and kept must be positive, but are {self.step}, {self.window} and {self.kept}"
            )

    def of(self, inputs: Tensor) -> list[list[int]]:
        """The different numbers of each input `(N, *shape)`; fewer than `kept` where one is small or mostly even."""
        levels = (inputs.detach().cpu().flatten(1) / self.step).round().long().numpy().view(np.uint64)
        size = min(self.window, levels.shape[1])
        windows = np.lib.stride_tricks.sliding_window_view(levels, size, axis=1)
        draws = np.random.default_rng(self.salt)
        factors = draws.integers(0, 2**63, size, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        mixed = _mixed(windows @ factors).view(np.int64)
        # an even ground gives the same number over and over, which must count once
        return [np.unique(each)[: self.kept].tolist() for each in mixed]


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The last step of splitmix64, which spreads small differences over all bits."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
