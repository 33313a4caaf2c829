"""Success over distance, angle and light, by the channel with those three held still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from sparring.physical.attacks.patch_attack import reached
from sparring.physical.channel.channel import Channel
from sparring.physical.runs.levels import AWAY, Trial
from sparring.physical.scene.placement import place_patch
from sparring.physical.scene.scenario import Scenario

__all__ = ["Spot", "surface_of"]


@dataclass(frozen=True)
class Spot:
    """Successes at one distance (mm), yaw (degrees) and light level (lx)."""

    distance: float
    yaw: float
    level: float
    successes: int
    looks: int


def surface_of(trial: Trial, arm: str, photos: int = 1, steps: int = 4) -> list[Spot]:
    """The arm at a grid of distances, angles and light levels across the scenario's ranges; a fixed one has one place.

    Args:
        trial: What is tried.
        arm: Which of its arms.
        photos: Of each object at each place.
        steps: Places along distance and yaw; the light has its two ends.
    """
    spots, scenario = [], trial.scenario
    for distance in _places(scenario, "distance", steps):
        for yaw in _places(scenario, "yaw", steps):
            for level in _places(scenario, "level", 2):
                there = replace(trial, scenario=scenario.having(distance=distance, yaw=yaw, level=level))
                successes = _successes(there, arm, photos)
                spots.append(Spot(distance, yaw, level, sum(successes), len(successes)))
    return spots


def _places(scenario: Scenario, name: str, steps: int) -> Sequence[float]:
    low, high = scenario.ranges[name][0].low, scenario.ranges[name][-1].high
    if high - low < 1e-9:
        return [low]
    return [low + (high - low) * step / (steps - 1) for step in range(steps)]


def _successes(trial: Trial, arm: str, photos: int) -> list[bool]:
    channel = Channel(trial.scenario, trial.placement.side, trial.size, trial.seed + AWAY)
    pictures = place_patch(trial.inputs, trial.arms[arm], trial.placement)
    found: list[bool] = []
    for photo in range(photos):
        keys = [f"spot {photo} of {name}" for name in trial.names]
        with torch.no_grad():
            outputs = trial.model(channel.through(pictures, keys))
        found += reached(outputs, trial.labels, trial.target).tolist()
    return found
