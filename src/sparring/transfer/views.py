"""Views: changed copies of an image at which a transferable attack looks for gradients.

A view is a pure, differentiable function of points `(B, C, H, W)`, of the rows' own randomness and of a draw number; it
keeps the shape. An attack that climbs the mean over many views cannot lean on what only the surrogate sees.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.draws import Draws
from sparring.tensors import over_rows, per_row

__all__ = ["Admixed", "Near", "Paled", "Resized", "Shuffled", "Spectral", "View", "chained"]

View = Callable[[Tensor, Draws, Tensor], Tensor]
"""From points `(B, C, H, W)`, draws and the number of a draw `(B,)` to points of the same shape."""


def chained(*views: View) -> View:
    """One view after the other, each with draws of its own."""

    def all_of_them(points: Tensor, draws: Draws, draw: Tensor) -> Tensor:
        for place, view in enumerate(views):
            points = view(points, draws, draw * len(views) + place)
        return points

    return all_of_them


@dataclass(frozen=True)
class Resized:
    """Shrink at random and put it somewhere on a black ground: DI (Xie et al. 2019, https://arxiv.org/abs/1803.06978).

    Deviation: the paper enlarges 299 pixels to a canvas of 330; here the canvas keeps the size, so that nets of one
    input size can be surrogates.

    Args:
        smallest: Least share of the side that is kept.
        chance: Probability that a draw is changed at all.
    """

    smallest: float = 0.9
    chance: float = 0.7

    def __call__(self, points: Tensor, draws: Draws, draw: Tensor) -> Tensor:
        scale, across, down, coin = draws.uniform(points.new_empty(len(points), 4), draw).unbind(1)
        scale = self.smallest + (1 - self.smallest) * scale
        scale = torch.where(coin < self.chance, scale, torch.ones_like(scale))
        room = 1 - scale
        grid = points.new_zeros(len(points), 2, 3)
        grid[:, 0, 0] = grid[:, 1, 1] = 1 / scale
        grid[:, 0, 2], grid[:, 1, 2] = -room * (2 * across - 1) / scale, -room * (2 * down - 1) / scale
        where = F.affine_grid(grid, list(points.shape), align_corners=False)
        return F.grid_sample(points, where, mode="bilinear", padding_mode="zeros", align_corners=False)


@dataclass(frozen=True)
class Near:
    """A point nearby, each coordinate up to `radius` away; of every so many draws the first is the point itself.

    Args:
        radius: In the range of the data.
        every: How often the point itself comes.
    """

    radius: float
    every: int

    def __call__(self, points: Tensor, draws: Draws, draw: Tensor) -> Tensor:
        noise = self.radius * (2 * draws.uniform(points, draw) - 1)
        return points + torch.where(over_rows(draw % self.every == 0, points), 0, noise)


@dataclass(frozen=True)
class Paled:
    """Divide by 1, 2, 4, …: the scale-invariant method SI (Lin et al. 2020, https://arxiv.org/abs/1908.06281).

    Args:
        scales: How many powers of two are gone through.
    """

    scales: int = 5

    def __call__(self, points: Tensor, draws: Draws, draw: Tensor) -> Tensor:
        return points * per_row(0.5 ** (draw % self.scales).to(points.dtype), points)


@dataclass(frozen=True, eq=False)
class Admixed:
    """Add a share of another image: Admix (Wang et al. 2021, https://arxiv.org/abs/2102.00436).

    Deviation: the others come from a pool that is given once, not from the batch, so that a row's result does not
    depend on its mates.

    Args:
        pool: Images `(K, C, H, W)`, best of other classes.
        share: How much of the other image is added.
    """

    pool: Tensor
    share: float = 0.2

    def __call__(self, points: Tensor, draws: Draws, draw: Tensor) -> Tensor:
        luck = draws.uniform(points.new_empty(len(points), 1), draw)[:, 0]
        other = self.pool.to(points)[(luck * len(self.pool)).long()]
        return points + self.share * other


@dataclass(frozen=True)
class Spectral:
    """Noise, then a random gain on each frequency: SSM (Long et al. 2022, https://arxiv.org/abs/2207.05382).

        T(x) = IDCT( DCT(x + noise) * gain ),   gain uniform in [1 - spread, 1 + spread]

    Args:
        spread: How far gains lie from one.
        noise: Standard deviation, in the range of the data.
    """

    spread: float = 0.5
    noise: float = 16 / 255

    def __call__(self, points: Tensor, draws: Draws, draw: Tensor) -> Tensor:
        noisy = points + self.noise * draws.normal(points, 2 * draw)
        gain = 1 + self.spread * (2 * draws.uniform(points, 2 * draw + 1) - 1)
        down, across = _cosines(points.shape[2]).to(points), _cosines(points.shape[3]).to(points)
        return down.T @ (down @ noisy @ across.T * gain) @ across


@dataclass(frozen=True)
class Shuffled:
    """Cut into blocks, shuffle them, turn each: BSR (Wang et al. 2024, https://arxiv.org/abs/2308.10299).

    Deviation: all columns are cut at the same heights, and cuts, shuffle and turns are one map of coordinates, so that
    an image is interpolated once.

    Args:
        cuts: Blocks along each side.
        turn: Greatest angle, in degrees.
    """

    cuts: int = 2
    turn: float = 24.0

    def __call__(self, points: Tensor, draws: Draws, draw: Tensor) -> Tensor:
        rows, _, high, wide = points.shape
        luck = draws.uniform(points.new_empty(rows, 4 + self.cuts, self.cuts), draw)
        x, middle_x, column = _strips(wide, luck[:, 0], luck[:, 1])
        y, middle_y, row = _strips(high, luck[:, 2], luck[:, 3])
        angles = torch.deg2rad(self.turn * (2 * luck[:, 4:] - 1))
        angle = angles[torch.arange(rows)[:, None, None], row[:, :, None], column[:, None, :]]
        dx, dy = (x - middle_x)[:, None, :], (y - middle_y)[:, :, None]
        source_x = middle_x[:, None, :] + angle.cos() * dx - angle.sin() * dy
        source_y = middle_y[:, :, None] + angle.sin() * dx + angle.cos() * dy
        where = torch.stack([(2 * source_x + 1) / wide - 1, (2 * source_y + 1) / high - 1], -1)
        return F.grid_sample(points, where, mode="bilinear", padding_mode="zeros", align_corners=False)


def _strips(size: int, cut_luck: Tensor, order_luck: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One side, cut and shuffled: for each place where it comes from, the middle of that strip, and its number.

    All are `(B, size)`; the lucks are uniform numbers `(B, strips)`.
    """
    starts = (cut_luck * size).floor().index_fill(1, torch.zeros(1, dtype=torch.long), 0).sort(1).values
    lengths = torch.cat([starts[:, 1:], starts.new_full((len(starts), 1), size)], 1) - starts
    order = order_luck.argsort(1)
    moved = lengths.gather(1, order)
    ends = moved.cumsum(1)
    places = torch.arange(size, dtype=starts.dtype).expand(len(starts), size).contiguous()
    slot = torch.searchsorted(ends, places, right=True)
    strip = order.gather(1, slot)
    source = places - (ends - moved).gather(1, slot) + starts.gather(1, strip)
    middle = starts.gather(1, strip) + (lengths.gather(1, strip) - 1) / 2
    return source, middle, strip


@lru_cache
def _cosines(size: int) -> Tensor:
    """The orthonormal cosine transform of one side as a matrix `(size, size)`: its transpose is its inverse."""
    place = torch.arange(size, dtype=torch.float64)
    waves = (math.pi * (place + 0.5) * place[:, None] / size).cos() * math.sqrt(2 / size)
    waves[0] /= math.sqrt(2)
    return waves
