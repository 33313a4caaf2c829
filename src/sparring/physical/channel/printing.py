"""From a picture to light that a printed sheet gives back, in torch, with gradients."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sparring.physical.channel.optics import linear
from sparring.physical.scene.scenario import Draw

__all__ = ["printed"]

LUMA = (0.2126, 0.7152, 0.0722)

_ANGLES = (15.0, 75.0, 45.0)
"""Degrees by which the screens of the three inks are turned, as printers do against moiré."""


def printed(pictures: Tensor, draw: Draw, pitch: float) -> Tensor:
    """What light comes back from a print, linear, white light falling on it: `(B, 3, H, W)`.

    In order: the gamut takes saturation away; every ink covers as much of the paper as its colour is dark, as dots of
    a screen; dots spread (dot gain, a parabola that is widest at half tone); and covered paper gives back the light of
    `black`, bare paper that of `white` (Murray & Davies 1936).

    Args:
        pictures: `(B, 3, H, W)` sRGB in [0, 1].
        draw: What each is printed under.
        pitch: Millimetres per pixel of `pictures`.
    """
    grey = (linear(pictures) * torch.tensor(LUMA).to(pictures)[:, None, None]).sum(1, keepdim=True)
    light = grey + _rows(draw["saturation"]) * (linear(pictures) - grey)
    inked = _screened(1 - light, draw, pitch)
    spread = (inked + 4 * _rows(draw["dot_gain"]) * inked * (1 - inked)).clamp(0, 1)
    white, black = _rows(draw["white"]), _rows(draw["black"])
    return white * (1 - spread) + black * spread


def _screened(inked: Tensor, draw: Draw, pitch: float) -> Tensor:
    """Tones as dots, with the gradient of the tones themselves; a screen finer than two pixels is averaged away."""
    period = 1 / (draw["halftone"] * pitch)
    seen = (period >= 2).nonzero().squeeze(1)
    if not len(seen):
        return inked
    threshold = _thresholds(inked[seen], draw, seen, period[seen])
    tones = inked[seen]
    sharp = period[seen].reshape(-1, 1, 1, 1) / 2  # an edge of a dot is one pixel wide
    dots = ((tones.detach() - threshold) * sharp + 0.5).clamp(0, 1)
    return inked.index_copy(0, seen, tones + (dots - tones).detach())


def _thresholds(like: Tensor, draw: Draw, rows: Tensor, period: Tensor) -> Tensor:
    """Where ink begins as tones get darker: round dots on a turned grid for each ink, evenly spread over [0, 1]."""
    down, across = (torch.arange(size, dtype=like.dtype) for size in like.shape[-2:])
    planes = []
    for angle in _ANGLES:
        turn = math.radians(angle)
        along = across * math.cos(turn) + down[:, None] * math.sin(turn)
        beside = down[:, None] * math.cos(turn) - across * math.sin(turn)
        phases = [2 * math.pi * draw[name][rows] for name in ("halftone_across", "halftone_down")]
        turns = [2 * math.pi * each / period[:, None, None] for each in (along, beside)]
        waves = [(each + phase[:, None, None]).cos() for each, phase in zip(turns, phases, strict=True)]
        planes.append((2 - waves[0] - waves[1]) / 4)
    return torch.stack(planes, 1).to(like)


def _rows(values: Tensor) -> Tensor:
    return values.reshape(-1, 1, 1, 1)
