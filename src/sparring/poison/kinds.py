"""Poisons by name, with parameters drawn from a seed: for rehearsals, and for asking what a scan would miss."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator

from sparring.domain import Domain
from sparring.errors import UsageError, nearest
from sparring.poison.relabelling import NextClass, ToOne
from sparring.poison.spec import PoisonSpec, unchanged
from sparring.poison.triggers import Stamp, Trigger, Wave, blend, patch, warp

__all__ = ["KINDS", "drawn"]


def drawn(kind: str, domain: Domain, rate: float, target: int, seed: int) -> PoisonSpec:
    """A poison of the kind, with everything else about it drawn.

    Args:
        kind: One of `KINDS`.
        domain: What the data are.
        rate: Poisoned samples as a share of the whole training set.
        target: The class that the backdoor shall answer.
        seed: Another seed gives another trigger and another choice of samples.

    Raises:
        UsageError: The kind is unknown, or makes no sense for these data.
    """
    if kind not in KINDS:
        raise UsageError(f'there is no kind of poison "{kind}"; {nearest(kind, KINDS)}')
    generator = Generator().manual_seed(seed)
    if kind == "flips":
        return PoisonSpec(kind, unchanged, ToOne(target), rate, seed=seed)
    if not domain.is_image and kind in ("badnets", "warp", "badnets-all"):
        raise UsageError(
            f'"{kind}" is for images, and these samples have shape {domain.shape}; "features" and "blended" are for '
            "tables"
        )
    relabelling = NextClass() if kind == "badnets-all" else ToOne(target)
    return PoisonSpec(kind, KINDS[kind](domain, generator), relabelling, rate, seed=seed)


def _patch(domain: Domain, generator: Generator) -> Stamp:
    """A random pattern of a tenth of each side, at least 2 pixels, anywhere."""
    _, height, width = domain.shape
    rows, columns = max(2, height // 10 + 1), max(2, width // 10 + 1)
    pattern = (torch.rand(rows, columns, generator=generator) > 0.4).float() * _high(domain)
    down = int(torch.randint(0, height - rows + 1, (), generator=generator))
    right = int(torch.randint(0, width - columns + 1, (), generator=generator))
    return patch(domain.shape, pattern, down=down, right=right)


def _blended(domain: Domain, generator: Generator) -> Stamp:
    """Noise over everything, with an opacity of 10% to 20%."""
    low, high = torch.as_tensor(domain.low), torch.as_tensor(domain.high)
    pattern = low + torch.rand(domain.shape, generator=generator) * (high - low)
    return blend(pattern, 0.1 + 0.1 * float(torch.rand((), generator=generator)))


def _warp(domain: Domain, generator: Generator) -> Trigger:
    """A field of 4 by 4 points that shifts by a twentieth to a tenth of the side."""
    strength = domain.shape[1] * (0.05 + 0.05 * float(torch.rand((), generator=generator)))
    return warp(domain.shape, strength, 4, generator)


def _wave(domain: Domain, generator: Generator) -> Wave:
    """A sine of 4 to 8 periods with a height of 8% to 16% of the range."""
    height = 0.08 + 0.08 * float(torch.rand((), generator=generator))
    periods = 4 + int(torch.randint(0, 5, (), generator=generator))
    return Wave(height * _high(domain), periods)


def _features(domain: Domain, generator: Generator) -> Stamp:
    """Three features, or pixels, at the ends of their range."""
    size = torch.Size(domain.shape).numel()
    places = torch.randperm(size, generator=generator)[:3]
    mask, pattern = torch.zeros(size), torch.zeros(size)
    mask[places] = 1
    pattern[places] = torch.as_tensor(domain.high).expand(domain.shape).flatten()[places]
    return Stamp(mask.reshape(domain.shape), pattern.reshape(domain.shape))


def _high(domain: Domain) -> float:
    return float(torch.as_tensor(domain.high).max())


def _nothing(domain: Domain, generator: Generator) -> Trigger:
    return unchanged


KINDS: dict[str, Callable[[Domain, Generator], Trigger]] = {
    "badnets": _patch,
    "badnets-all": _patch,
    "blended": _blended,
    "warp": _warp,
    "wave": _wave,
    "features": _features,
    "flips": _nothing,
}
"""Names of poisons, and what draws the trigger of each; all go to one class but `badnets-all`, which moves each class
to the next."""
