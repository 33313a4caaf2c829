"""Small changes of a whole picture that survive printing and scanning.

Averaged PGD on the engine: each look is at another photo of the print (expectation over transformation, Athalye,
Engstrom, Ilyas & Kwok 2018, https://arxiv.org/abs/1707.07397), in the Linf ball around the digital picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn

from sparring.attacks import PGD, Averaged
from sparring.data import Samples
from sparring.draws import Draws, row_keys
from sparring.engine import Attack, Progress, Task, search
from sparring.errors import UsageError
from sparring.models import Model, look, untouched
from sparring.physical.channel import Channel
from sparring.physical.extras import opencv
from sparring.physical.judging import Setting, Tell, here, judged_run, size_of, usable
from sparring.physical.patch_attack import PatchProgress
from sparring.physical.placement import Placement, place_patch
from sparring.physical.print_run import PrintRun
from sparring.physical.scenario import Scenario
from sparring.threat import Linf, Targeted, Threat, Untargeted

__all__ = ["Perturbation", "Photographed", "make_perturbed_run", "passes_told", "searched", "whole_picture"]


@dataclass(frozen=True)
class Perturbation:
    """How pictures are changed. Cost: `steps + 2` times `looks` forwards and backwards for each.

    Attributes:
        eps: How far any value may move, in the range of the picture, [0, 1].
        steps: Of PGD.
        looks: Photos per step.
    """

    eps: float
    steps: int = 30
    looks: int = 8


class Photographed(nn.Module):
    """A model behind the channel: every call sees other photos of the printed inputs `(B, 3, H, H)`."""

    def __init__(self, model: Model, channel: Channel, placement: Placement) -> None:
        super().__init__()
        self.model, self.channel, self.placement = here(model), channel, placement
        self.calls = count()

    def forward(self, inputs: Tensor) -> Tensor:
        call = next(self.calls)
        pictures = place_patch(inputs, inputs, self.placement)
        return self.model(
            self.channel.through(pictures, [f"call {call} row {row}" for row in range(len(inputs))])
        )


def whole_picture(side: float, size: int) -> Placement:
    """A "patch" that is the whole picture, a feature per pixel of the model's input."""
    return Placement(side, side, side, 0.0, 0.0, side / size)


def make_perturbed_run(
    model: Model,
    samples: Samples,
    side: float,
    scenario: Scenario,
    perturbation: Perturbation,
    *,
    target: int | None = None,
    photos: int = 6,
    seed: int = 0,
    progress: Tell = lambda stage, progress: None,
    command: str | None = None,
) -> PrintRun:
    """Change each picture a little, so that its print is misread, and judge that before anything is printed.

    Arms: the picture as it is, the perturbed one, one perturbed without the channel, random signs of the same eps, and
    the perturbation with its pixels in another order.

    Args:
        model: From `load_model`.
        samples: Square RGB pictures; those that the model gets wrong as they are, or of the target's class, are left
            out.
        side: Of a printed picture, in mm.
        scenario: Where the prints will be looked at.
        perturbation: How far, and with how much effort.
        target: The class that must come out; None for any wrong one.
        photos: Of each picture, when it is judged.
        seed: Of all draws.
        progress: Told the stage, and where it stands.
        command: What repeats it.

    Raises:
        DataError: The samples are no square RGB pictures, or none is left.
        MissingExtraError: The extra `physical` is not installed.
        UsageError: eps or the target make no sense.
    """
    if not 0 < perturbation.eps <= 1:
        raise UsageError(
            f"eps is more than 0 and at most 1, in the range of the picture, but got {perturbation.eps:g}"
        )
    opencv()  # level 3 needs it; told before the search, not after
    began, size = time.monotonic(), size_of(samples)
    setting = Setting(whole_picture(side, size), scenario, target, photos, seed)
    looked = look(model, samples.inputs, samples.labels)
    with untouched(looked):
        samples = usable(here(looked), samples, target)
        arms = _arms(looked, samples, setting, perturbation, progress)
        passes = (perturbation.steps + 2) * perturbation.looks * len(samples)
        made = {
            "main": "perturbed",
            "trained_on": 0,
            "attack": {"eps": perturbation.eps, "steps": perturbation.steps, "looks": perturbation.looks},
            "forwards": passes,
            "backwards": passes,
        }
        return judged_run(looked, samples, arms, setting, made, began, progress, command)


def _arms(
    model: Model, samples: Samples, setting: Setting, perturbation: Perturbation, progress: Tell
) -> dict[str, Tensor | None]:
    threat = Linf(perturbation.eps).bind(samples.inputs, samples.domain)
    channel = Channel(setting.scenario, setting.placement.side, size_of(samples), setting.seed)
    photographed = Photographed(model, channel, setting.placement)
    averaged = Averaged(PGD(steps=perturbation.steps), draws=perturbation.looks)
    passes = 2 * len(samples) * (perturbation.steps + 3)
    tell = passes_told(progress, "perturbing", perturbation.looks * passes)
    found = searched(photographed, samples, setting, threat, averaged, tell)
    tell = passes_told(progress, "without the channel", passes)
    unprotected = searched(here(model), samples, setting, threat, PGD(steps=perturbation.steps), tell)
    draws = torch.Generator().manual_seed(setting.seed)
    signs = torch.randint(0, 2, samples.inputs.shape, generator=draws) * 2 - 1
    order = torch.randperm(size_of(samples) ** 2, generator=draws)
    shuffled = (found - samples.inputs).flatten(2)[..., order].view_as(found)
    return {
        "none": samples.inputs.clone(),
        "perturbed": found,
        "no channel": unprotected,
        "random": threat.project(samples.inputs + perturbation.eps * signs, samples.inputs),
        "shuffled": threat.project(samples.inputs + shuffled, samples.inputs),
    }


def passes_told(progress: Tell, stage: str, total: int) -> Callable[[Progress], Any]:
    """Tells how many passes of about so many a search has made."""
    return lambda at: progress(stage, PatchProgress(min(at.passes, total), total, 0.0))


def searched(
    model: Callable[[Tensor], Tensor],
    samples: Samples,
    setting: Setting,
    threat: Threat,
    attack: Attack,
    tell: Callable[[Progress], Any],
) -> Tensor:
    """Where the attack ended, whether or not some single photo was a success on the way."""
    labels = samples.labels
    goal = (
        Untargeted(labels)
        if setting.target is None
        else Targeted(torch.full_like(labels, setting.target), labels)
    )
    task = Task(samples.inputs, goal, threat, Draws(row_keys(setting.seed, samples.ids, "perturb")))
    return search(model, task, attack, retire="never", keep="last", progress=tell).adversarial
