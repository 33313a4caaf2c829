"""Triggers whose place, pattern and strength are drawn."""

from __future__ import annotations

import torch
from torch import Generator

from sparring.domain import Domain
from sparring.errors import UsageError
from sparring.poison.making.triggers import Stamp, Trigger, Wave, blend, patch, warp

__all__ = ["any_blend", "any_features", "any_patch", "any_warp", "any_wave", "highest"]


def any_patch(domain: Domain, generator: Generator, part: int = 10) -> Stamp:
    """A random pattern of one `part` of each side, at least 2 pixels, anywhere."""
    _, height, width = domain.shape
    rows, columns = max(2, height // part + 1), max(2, width // part + 1)
    if rows > height or columns > width:
        raise UsageError(f"a patch of {rows}x{columns} pixels does not fit into images of {height}x{width}")
    pattern = (torch.rand(rows, columns, generator=generator) > 0.4).float() * highest(domain)
    down = int(torch.randint(0, height - rows + 1, (), generator=generator))
    right = int(torch.randint(0, width - columns + 1, (), generator=generator))
    return patch(domain.shape, pattern, down=down, right=right)


def any_blend(domain: Domain, generator: Generator) -> Stamp:
    """Noise over everything, with an opacity of 10% to 20%."""
    low, high = torch.as_tensor(domain.low), torch.as_tensor(domain.high)
    pattern = low + torch.rand(domain.shape, generator=generator) * (high - low)
    return blend(pattern, 0.1 + 0.1 * float(torch.rand((), generator=generator)))


def any_warp(domain: Domain, generator: Generator) -> Trigger:
    """A field of 4 by 4 points that shifts by a twentieth to a tenth of the side."""
    strength = domain.shape[1] * (0.05 + 0.05 * float(torch.rand((), generator=generator)))
    return warp(domain.shape, strength, 4, generator)


def any_wave(domain: Domain, generator: Generator) -> Wave:
    """A sine of 4 to 8 periods with a height of 8% to 16% of the range."""
    height = 0.08 + 0.08 * float(torch.rand((), generator=generator))
    periods = 4 + int(torch.randint(0, 5, (), generator=generator))
    return Wave(height * highest(domain), periods)


def any_features(domain: Domain, generator: Generator) -> Stamp:
    """Three features, or pixels, at the upper end of their range."""
    size = torch.Size(domain.shape).numel()
    places = torch.randperm(size, generator=generator)[:3]
    mask, pattern = torch.zeros(size), torch.zeros(size)
    mask[places] = 1
    pattern[places] = torch.as_tensor(domain.high).expand(domain.shape).flatten()[places]
    return Stamp(mask.reshape(domain.shape), pattern.reshape(domain.shape))


def highest(domain: Domain) -> float:
    """The largest value that anything in the data may have."""
    return float(torch.as_tensor(domain.high).max())
