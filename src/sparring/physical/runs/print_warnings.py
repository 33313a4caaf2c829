"""What will go wrong with a patch on paper, told before it is printed."""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.physical.channel.channel import pixels_per_mm
from sparring.physical.channel.optics import srgb
from sparring.physical.channel.printing import printed
from sparring.physical.scene.placement import Placement
from sparring.physical.scene.scenario import Scenario

__all__ = ["print_warnings"]

RESOLVED = 2.0
"""Pixels of the camera that a feature needs to be seen."""

APART = 0.2
"""How far a printed colour may be from the wanted one, in any of red, green and blue."""


def print_warnings(patch: Tensor, placement: Placement, scenario: Scenario, size: int) -> list[str]:
    """A sentence for each: features that camera or model cannot resolve, colours that the printer cannot give.

    Args:
        patch: `(3 | 4, down, across)`.
        placement: Its size.
        scenario: Printer, view and camera.
        size: Of the model's inputs.
    """
    found = []
    seen = _fewest_pixels(placement, scenario)
    if seen < RESOLVED:
        found.append(
            f"too few pixels for the pattern: at the far end of {scenario.name} the camera has {seen:.1f} pixels per "
            f"feature of {placement.feature:g} mm; come closer or use larger features"
        )
    own = size * placement.feature / placement.side
    if own < 0.5:
        found.append(
            f"a feature of {placement.feature:g} mm is only {own:.1f} pixels of the model's input; larger ones "
            "lose nothing"
        )
    lost = _out_of_gamut(patch, scenario)
    if lost > 0.1:
        found.append(
            f"{lost:.0%} of the features have colours that the printer of {scenario.name} cannot give; give a palette, "
            "see: sparring physical calibrate"
        )
    return found


def _fewest_pixels(placement: Placement, scenario: Scenario) -> float:
    far = scenario.middle().having(
        distance=scenario.ranges["distance"][-1].high, long_side=scenario.ranges["long_side"][0].low
    )
    return float(pixels_per_mm(far.draw(["far"]))[0]) * placement.feature


def _out_of_gamut(patch: Tensor, scenario: Scenario) -> float:
    """The share of features whose colour comes out differently by more than APART, under the middle of the scenario."""
    draw = scenario.middle().draw(["one"])
    paper = torch.as_tensor(draw["white"]).reshape(-1, 1, 1, 1)
    colours = patch[:3] if len(patch) == 3 else patch[:3, patch[3] > 0][..., None]
    seen = srgb(printed(colours[None], draw, 1e3) / paper)[0]
    return float(((seen - colours).abs().amax(0) > APART).float().mean())
