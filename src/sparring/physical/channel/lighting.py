"""What falls on the sheet: the lamp's colour, brightness that differs from place to place, shadow and glare."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sparring.physical.channel.optics import lamp
from sparring.physical.scene.scenario import Draw

__all__ = ["lit"]

EDGE = 0.05
"""How wide the soft edge of a shadow is, of the picture's side."""

SPOT = 0.2
"""How wide a shiny spot is, likewise."""


def lit(reflected: Tensor, draw: Draw) -> Tensor:
    """The light that reaches the camera from pictures `(B, 3, H, W)`, white paper at full exposure being 1.

    The camera corrects the lamp's colour, but misjudges its temperature by `white_balance`.
    """
    down, across = (torch.linspace(-0.5, 0.5, size) for size in reflected.shape[-2:])
    middle = reflected.new_zeros(1)
    gradient = 1 - _rows(draw["gradient"]) * (0.5 + _along(draw["gradient_turn"], across, down, middle))
    edge = 0.8 * (draw["shadow_place"] - 0.5)
    dark = 1 - _rows(draw["shadow"]) * (_along(draw["shadow_turn"], across, down, edge) / EDGE).sigmoid()
    kelvin = draw["colour"]
    balanced = lamp(kelvin) / lamp((kelvin + draw["white_balance"]).clamp(min=1000))
    brightness = _rows(2 ** draw["exposure"]) * gradient * dark
    return reflected * balanced[:, :, None, None] * brightness + _glare(draw, across, down)


def _along(turn: Tensor, across: Tensor, down: Tensor, origin: Tensor) -> Tensor:
    """How far each place lies in the direction of `turn` `(B,)`, in sides of the picture: `(B, 1, H, W)`."""
    angle = _rows(2 * math.pi * turn)
    return across * angle.cos() + down[:, None] * angle.sin() - _rows(origin)


def _glare(draw: Draw, across: Tensor, down: Tensor) -> Tensor:
    right = across - (_rows(draw["glare_across"]) - 0.5)
    below = down[:, None] - (_rows(draw["glare_down"]) - 0.5)
    return _rows(draw["glare"]) * (-(right**2 + below**2) / (2 * SPOT**2)).exp()


def _rows(values: Tensor) -> Tensor:
    return values.reshape(-1, 1, 1, 1)
