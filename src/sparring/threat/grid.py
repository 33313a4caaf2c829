"""Eight-bit data: the part of a threat that survives being stored as whole grey levels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from sparring.domain import Domain
from sparring.draws import Draws
from sparring.tensors import pick
from sparring.threat.box import Box
from sparring.threat.contract import Threat

__all__ = ["Grid"]


@dataclass(frozen=True)
class Grid:
    """A threat whose points are shown to the model on a lattice, inside the set.

    Points are searched as if they were continuous; only what the model is shown is rounded.

    Args:
        inner: The continuous threat.
        levels: Lattice steps between 0 and 1: 255 for 8-bit data.
    """

    inner: Threat
    levels: int = 255

    @property
    def norm(self) -> str:
        return self.inner.norm

    @property
    def eps(self) -> float | Tensor:
        return self.inner.eps

    @property
    def box(self) -> Box:
        return self.inner.box

    @property
    def mask(self) -> Tensor | None:
        return self.inner.mask

    @property
    def pixels(self) -> bool:
        """Whether an L0 budget counts pixels."""
        return getattr(self.inner, "pixels", False)

    @property
    def side(self) -> int:
        """Of the squares of pixels that it counts."""
        return getattr(self.inner, "side", 1)

    def bind(self, inputs: Tensor, domain: Domain) -> Self:
        return replace(self, inner=self.inner.bind(inputs, domain))

    def render(self, points: Tensor, inputs: Tensor) -> Tensor:
        """The nearest lattice point if it is allowed; else project it and move each coordinate to the lattice inwards.

        A coordinate that moves towards the input shortens the change, so the second is always allowed.
        """
        nearest = (points * self.levels).round() / self.levels
        fits = self.inner.contains(nearest, inputs)
        return nearest if bool(fits.all()) else pick(fits, nearest, self._inward(nearest, inputs))

    def _inward(self, points: Tensor, inputs: Tensor) -> Tensor:
        """Lattice points between the nearest allowed points and the inputs."""
        points = self.inner.project(points, inputs)
        exact = points * self.levels
        slack = 1e-4  # of a level, for the rounding of the line above
        inward = torch.where(points > inputs, (exact + slack).floor(), (exact - slack).ceil()) / self.levels
        return torch.where((inward > inputs) == (points > inputs), inward, inputs)

    def project(self, points: Tensor, inputs: Tensor) -> Tensor:
        return self.inner.project(points, inputs)

    def sample(self, inputs: Tensor, draws: Draws) -> Tensor:
        return self.inner.sample(inputs, draws)

    def steepest(self, gradient: Tensor, points: Tensor) -> Tensor:
        return self.inner.steepest(gradient, points)

    def distance(self, points: Tensor, inputs: Tensor) -> Tensor:
        return self.inner.distance(points, inputs)

    def contains(self, points: Tensor, inputs: Tensor, away: Tensor | None = None) -> Tensor:
        return self.inner.contains(points, inputs, away)
