"""Colours and light as numbers: sRGB and linear light, the colour of a warm or cold lamp, poses of a sheet."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["lamp", "linear", "onto_photo", "srgb"]

_WAVELENGTHS = (600e-9, 540e-9, 450e-9)
"""Where the red, green and blue of a camera see best, in metres."""

_SECOND_RADIATION = 0.014388
"""Planck's law has c2 / (wavelength * temperature), in metres times kelvin."""


def linear(colours: Tensor) -> Tensor:
    """Light that an sRGB value stands for (IEC 61966-2-1), both from 0 to 1."""
    safe = colours.clamp(0, 1)
    return torch.where(safe <= 0.04045, safe / 12.92, ((safe.clamp(min=0.04) + 0.055) / 1.055) ** 2.4)


def srgb(light: Tensor) -> Tensor:
    """The inverse of `linear`; what is too bright for white becomes white."""
    safe = light.clamp(0, 1)
    return torch.where(safe <= 0.0031308, safe * 12.92, 1.055 * safe.clamp(min=0.003) ** (1 / 2.4) - 0.055)


def lamp(kelvin: Tensor) -> Tensor:
    """Red, green and blue `(B, 3)` of a black body of `kelvin` `(B,)` by Planck's law, green being 1."""
    waves = torch.tensor(_WAVELENGTHS, dtype=torch.float64)
    power = waves**-5 / torch.expm1(_SECOND_RADIATION / (waves * kelvin.double()[:, None]))
    return (power / power[:, 1:2]).float()


def onto_photo(scale: Tensor, distance: Tensor, yaw: Tensor, pitch: Tensor, roll: Tensor) -> Tensor:
    """Homographies `(B, 3, 3)` from the plane of the sheet to the photo, both with their origin in the middle.

    The sheet is rolled in its plane, leans back by `pitch` about its level axis, then turns by `yaw` about its
    upright. It is seen through a pinhole.

    Args:
        scale: Pixels per millimetre at the middle of the sheet, `(B,)`.
        distance: Millimetres from the pinhole to the middle of the sheet, `(B,)`.
        yaw: Degrees, `(B,)`, as `pitch` and `roll`.
        pitch: Likewise.
        roll: Likewise.
    """
    y, p, r = (each.deg2rad() for each in (yaw, pitch, roll))
    one, none = torch.ones_like(y), torch.zeros_like(y)
    turn = _matrix([[y.cos(), none, y.sin()], [none, one, none], [-y.sin(), none, y.cos()]])
    lean = _matrix([[one, none, none], [none, p.cos(), -p.sin()], [none, p.sin(), p.cos()]])
    spin = _matrix([[r.cos(), -r.sin(), none], [r.sin(), r.cos(), none], [none, none, one]])
    pose = turn @ lean @ spin
    plane = torch.stack([pose[:, :, 0], pose[:, :, 1], torch.stack([none, none, distance], 1)], 2)
    focal = scale * distance
    return _matrix([[focal, none, none], [none, focal, none], [none, none, one]]) @ plane


def _matrix(rows: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(row, 1) for row in rows], 1)
