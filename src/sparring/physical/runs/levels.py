"""Levels 0 to 3: how patches and controls do before anything is printed, from the easiest to the most honest."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from sparring.physical.attacks.patch_attack import reached
from sparring.physical.channel.channel import MARGIN, Channel
from sparring.physical.extras import opencv
from sparring.physical.runs.rendering import Capture, render
from sparring.physical.runs.tally import Look
from sparring.physical.scene.placement import Placement, place_patch
from sparring.physical.scene.scenario import Scenario

__all__ = ["Trial", "looks_at", "rendered", "seen_at"]

AWAY = 2**20
"""Added to the seed of the training, so that no draw is one that was trained on."""


LARGEST = 2000
"""Pixels across a picture at most, for the second camera; no camera of a scenario sees more of it."""


@dataclass(frozen=True)
class Trial:
    """What is tried on whom.

    Attributes:
        model: Inputs `(B, 3, size, size)` in [0, 1] to logits.
        size: Of the model's inputs.
        inputs: Objects `(N, 1 | 3, H, W)` that no patch was trained on.
        labels: Their classes `(N,)`.
        names: N names.
        arms: Patches by name, one for all objects or one for each; None is the picture as it is.
        placement: Where they lie.
        scenario: What they are photographed under.
        target: The class that must come out; None for any wrong one.
        seed: Of the training; all draws here are others.
    """

    model: Callable[[Tensor], Tensor]
    size: int
    inputs: Tensor
    labels: Tensor
    names: tuple[str, ...]
    arms: Mapping[str, Tensor | None]
    placement: Placement
    scenario: Scenario
    target: int | None
    seed: int = 0


def looks_at(trial: Trial, level: int, photos: int) -> list[Look]:
    """Every arm on every object, `photos` times, all arms under the same draws; once at level 0.

    Args:
        trial: What is tried.
        level: 0 to 3, see `LEVELS`.
        photos: Of each object.
    """
    found = []
    for photo in range(photos if level else 1):
        keys = [f"photo {photo} of {name}" for name in trial.names]
        for arm, patch in trial.arms.items():
            pictures = place_patch(trial.inputs, patch, trial.placement)
            with torch.no_grad():
                outputs = trial.model(seen_at(trial, level, pictures, keys))
            success = reached(outputs, trial.labels, trial.target)
            found += [
                Look(level, arm, name, key, int(answer), bool(hit))
                for name, key, answer, hit in zip(trial.names, keys, outputs.argmax(1), success, strict=True)
            ]
    return found


def seen_at(trial: Trial, level: int, pictures: Tensor, keys: list[str]) -> Tensor:
    """What the model is shown at a level."""
    seed, side = trial.seed + AWAY, trial.placement.side
    match level:
        case 0:
            return functional.adaptive_avg_pool2d(pictures, trial.size)
        case 1:
            return Channel(trial.scenario, side, trial.size, seed).through(pictures, keys)
        case 2:
            return Channel(trial.scenario.beyond(), side, trial.size, seed).through(pictures, keys)
    return rendered(pictures, trial.scenario, side, trial.size, keys, seed)


def rendered(
    pictures: Tensor, scenario: Scenario, side: float, size: int, keys: list[str], seed: int
) -> Tensor:
    """Pictures through the independent renderer, cut out where they truly are: `(B, 3, size, size)`.

    Each picture is photographed by itself, at the distance of the scenario, on a page of `side` mm and a margin of bare
    paper; the photo is only as large as that needs.
    """
    draw = scenario.draw(keys, seed)
    seen = []
    for row, picture in enumerate(pictures):
        values = {name: float(each[row]) for name, each in draw.items()}
        page = np.asarray(_page(picture, side), np.uint8)
        width = side * (1 + 2 * MARGIN)
        capture = render(page, (width, width), _closer(values, width), seed + row)
        seen.append(_cut_out(capture, values, side, size))
    return torch.from_numpy(np.stack(seen)).movedim(-1, 1).float() / 255


def _page(picture: Tensor, side: float) -> Image.Image:
    """The picture at 300 dpi, a large one coarser, with bare paper around it."""
    levels = (picture * 255).round().byte().movedim(0, -1).numpy()
    pixels = min(round(side / 25.4 * 300), LARGEST)
    margin = round(MARGIN * pixels)
    page = Image.new("RGB", (pixels + 2 * margin,) * 2, "white")
    page.paste(Image.fromarray(levels).resize((pixels, pixels), Image.Resampling.NEAREST), (margin, margin))
    return page


def _closer(values: dict[str, float], width: float) -> dict[str, float]:
    """The same camera with a part of its sensor: as many pixels per mm, but no more of the surroundings than needed."""
    half = np.radians(values["field"] / 2)
    whole = 2 * values["distance"] * np.tan(half)
    part = min(1.0, 1.6 * width / whole)
    field = float(2 * np.degrees(np.arctan(np.tan(half) * part)))
    return values | {"long_side": max(100.0, values["long_side"] * part), "field": field}


def _cut_out(
    capture: Capture, values: dict[str, float], side: float, size: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The picture in the photo, flat, missing by the framing error."""
    cv2 = opencv()
    photo = np.asarray(Image.open(io.BytesIO(capture.jpeg)))
    line = MARGIN * side + (np.arange(4 * size) + 0.5) / (4 * size) * side
    miss = [values["framing"] * side * (2 * values[f"framing_{way}"] - 1) for way in ("across", "down")]
    across, down = np.meshgrid(line + miss[0], line + miss[1])
    maps = capture.to_photo(np.stack([across.ravel(), down.ravel()], 1)).reshape(4 * size, 4 * size, 2)
    fine = cv2.remap(photo, maps.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
