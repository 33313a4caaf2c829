"""The normal of a decision boundary at a point on it, learned from labels of points around.

A normal is a sum of waves, or of single values where data have no waves. What is known of it is a Gaussian over their
coefficients and the offset, which is how far past the boundary the point lies. Before anything is asked the mean is
zero, and low frequencies vary more, as they do in the slopes of models that work on images. With u a direction and a
one for the offset, m the mean, V the covariances, s = 1 where the goal is reached and -1 elsewhere, and r^2 a share of
the first variance of <n, u> that stands for what bends the boundary:

    v = <u, V u> + r^2        z = s <m, u> / sqrt(v)        h = N(z) / Phi(z)
    m <- m + s h V u / sqrt(v)
    V <- V - h (h + z) (V u)(V u)^T / v

the moments after one answer (assumed density filtering, Minka 2001, https://arxiv.org/abs/1301.2294; Gaussian process
classification, Opper & Winther 2000). Directions are drawn from V, orthogonal to the mean, so that every answer is as
uncertain as it can be.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sparring.attacks.parts.bases import Basis, basis_of
from sparring.attacks.parts.crossing import clipped
from sparring.engine import Task
from sparring.tensors import flat, over_rows
from sparring.threat.box import allowed

__all__ = ["Normal", "asked_around", "directions", "unknown"]

_BLOCK = 10
"""Directions that are asked at once, before anything is learned from their answers."""

_FEWEST = 5
"""Frequencies along a side, at least."""

_MOST = 1000
"""Waves that are learned, of the lowest frequencies, or values of a list, the first: their covariances take 4 MB."""

_SMOOTH, _DECAY, _COLOUR = 4.0, 2.0, 1.0
"""Variances fall with the power `_DECAY` of the frequency above `_SMOOTH` half waves over the image; a step away from
grey counts as `_COLOUR` half waves."""

_OFFSET = 0.05
"""Standard deviation of the offset in a look's lengths; the normal has length one."""

_BENT = 0.3
"""Standard deviation of what bends the boundary, as a share of that of <n, u>."""

_ROUNDING = 1e-5
"""Is added to the variances, of which one is the first, so that they stay above zero."""


@dataclass(frozen=True)
class Normal:
    """What is known of a normal.

    Args:
        basis: The vectors that it is a sum of.
        which: The numbers of those that are learned, `(n,)`.
        prior: Standard deviations of their coefficients and of the offset before anything was asked, `(n + 1,)`.
        mean, covariance: Of coefficients and offset in units of `prior`, `(n + 1,)` and `(n + 1, n + 1)`.
    """

    basis: Basis
    which: Tensor
    prior: Tensor
    mean: Tensor
    covariance: Tensor

    def along(self, like: Tensor) -> Tensor:
        """The mean as a change, in the shape of `like` `(1, *shape)`; not of length one."""
        return self.changes((self.prior * self.mean)[None, :-1], like)

    def changes(self, coefficients: Tensor, like: Tensor) -> Tensor:
        """Sums of the vectors `(K, *shape)` by their coefficients `(K, n)`."""
        every = coefficients.new_zeros(len(coefficients), like.numel())
        every[:, self.which] = coefficients
        return self.basis.mixed(every).reshape(-1, *like.shape[1:])

    def coefficients(self, changes: Tensor) -> Tensor:
        """What `changes` makes `(K, *shape)` of, `(K, n)`."""
        return self.basis.coefficients(changes)[:, self.which]

    def faded(self, kept: float) -> Normal:
        """The same at another point of the boundary, where a share `kept` of the normal is still what it was."""
        rest = (1 - kept**2) * torch.ones_like(self.mean)
        mean, covariance = kept * self.mean, kept**2 * self.covariance
        mean[-1], covariance[-1], covariance[:, -1], rest[-1] = 0, 0, 0, 1
        return replace(self, mean=mean, covariance=covariance + rest.diag())

    def drawn(self, noise: Tensor) -> Tensor:
        """Normals as they may be, less the mean, from standard normal `noise` `(K, n)`."""
        covariance = self.covariance[:-1, :-1]
        root = torch.linalg.cholesky(covariance + _ROUNDING * torch.eye(len(covariance)).to(covariance))
        return noise @ root.T * self.prior[:-1]

    def undecided(self, drawn: Tensor) -> Tensor:
        """Directions of length one, `drawn` `(K, n)` made orthogonal to the mean in the least surprising way."""
        prior, mean = self.prior[:-1], self.prior[:-1] * self.mean[:-1]
        if bool(mean.any()):
            pull = prior * (self.covariance[:-1, :-1] @ (prior * mean))
            drawn = drawn - (drawn @ mean)[:, None] / (mean @ pull) * pull
        return drawn / drawn.norm(dim=1, keepdim=True).clamp_min(1e-12)

    def told(self, looks: Tensor, signs: Tensor) -> Normal:
        """After `signs` `(K,)` were seen in the directions `looks` `(K, n)`."""
        looks = torch.cat([looks, torch.ones_like(looks[:, :1])], dim=1) * self.prior
        mean, pulls, known = self.mean, looks @ self.covariance, looks[:0]
        for look, pull, sign in zip(looks, pulls, signs, strict=True):
            pull = pull - known.T @ (known @ look)
            variance = look @ pull + _BENT**2 * (look @ look)
            z = sign * (mean @ look) / variance.sqrt()
            pressure = _hazard(z)
            mean = mean + sign * pressure / variance.sqrt() * pull
            known = torch.cat([known, ((pressure * (pressure + z) / variance).sqrt() * pull)[None]])
        return replace(self, mean=mean, covariance=self.covariance - known.T @ known)


def _hazard(z: Tensor) -> Tensor:
    """The normal density over its distribution function."""
    z = z.clamp_min(-8)  # beyond it is -z, and single precision fails
    return (-z.square() / 2 - math.log(2 * math.pi) / 2 - torch.special.log_ndtr(z)).exp()


def unknown(task: Task) -> Normal:
    """What is known before anything was asked, for a task of one row."""
    basis = basis_of(task, "waves")
    weight = (1 + (basis.frequencies(_COLOUR) / _SMOOTH).square()) ** (-_DECAY / 2)
    which = weight.argsort(descending=True, stable=True)[:_MOST]
    deviations = (weight[which] / weight[which].sum()).sqrt()
    prior = torch.cat([deviations, deviations.new_tensor([_OFFSET])]).to(task.inputs)
    return Normal(basis, which, prior, torch.zeros_like(prior), torch.eye(len(prior)).to(prior))


def asked_around(
    task: Task, normal: Normal, point: Tensor, spread: float, looks: int, draw: Iterator[int]
) -> Generator[Tensor, Tensor, Normal]:
    """Learn which way the goal lies at a boundary point. A part of a walk.

    Args:
        task: One row.
        normal: What is known already.
        point: `(1, *shape)`.
        spread: Euclidean distance at which is looked.
        looks: How many directions.
        draw: Numbers of draws that were not used yet.
    """
    noise = task.draws.normal(normal.prior.new_empty(1, looks, len(normal.which)), draw=next(draw))[0]
    for drawn in normal.drawn(noise).split(_BLOCK):
        asked = clipped(task, point + spread * normal.changes(normal.undecided(drawn), point))
        signs = 2.0 * (yield asked).to(point) - 1
        normal = normal.told(normal.coefficients((asked - point) / spread), signs)
    return normal


def directions(task: Task, count: int, draw: int, frequencies: float = 1.0) -> Tensor:
    """Random directions of length one, `(count, *shape)`, for a task of one row.

    Args:
        task: One row.
        count: How many.
        draw: Number of the draw.
        frequencies: Share of the frequencies of images, along each side, lowest first; data without sides have all.
    """
    shape = task.inputs.shape[1:]
    if frequencies >= 1 or len(shape) != 3:
        noise = task.draws.normal(task.inputs.new_empty(1, count, *shape), draw=draw)[0]
    else:
        height, width = (max(min(side, _FEWEST), round(side * frequencies)) for side in shape[1:])
        waves = task.draws.normal(task.inputs.new_empty(1, count, shape[0], height, width), draw=draw)[0]
        noise = _cosines(shape[1], height, waves) @ waves @ _cosines(shape[2], width, waves).T
    noise = allowed(noise, task.threat.mask)
    return noise / over_rows(flat(noise).norm(dim=1).clamp_min(1e-12), noise)


def _cosines(length: int, count: int, like: Tensor) -> Tensor:
    """The first `count` cosines of the discrete cosine transform, of length one, `(length, count)`."""
    places = torch.arange(length, device=like.device, dtype=like.dtype)[:, None] + 0.5
    waves = (torch.pi / length * places * torch.arange(count, device=like.device)).cos()
    return waves / waves.norm(dim=0)
