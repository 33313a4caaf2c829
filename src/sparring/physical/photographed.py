"""A model that sees photos of prints, and searches through it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn

from sparring.attacks import Averaged
from sparring.data import Samples
from sparring.draws import Draws, row_keys
from sparring.engine import Attack, Progress, Task, search
from sparring.models import Model
from sparring.physical.attacks.patch_attack import PatchProgress
from sparring.physical.channel.channel import Channel
from sparring.physical.runs.judging import Setting, Tell, here, size_of
from sparring.physical.scene.placement import Placement, place_patch
from sparring.threat import Targeted, Threat, Untargeted

__all__ = ["with_and_without"]


class _Photographed(nn.Module):
    """A model behind the channel: every call sees other photos of the printed inputs `(B, 3, H, H)`."""

    def __init__(self, model: Callable[[Tensor], Tensor], channel: Channel, placement: Placement) -> None:
        super().__init__()
        self.model, self.channel, self.placement = model, channel, placement
        self.calls = count()

    def forward(self, inputs: Tensor) -> Tensor:
        call = next(self.calls)
        pictures = place_patch(inputs, inputs, self.placement)
        return self.model(
            self.channel.through(pictures, [f"call {call} row {row}" for row in range(len(inputs))])
        )


def with_and_without(
    model: Model,
    samples: Samples,
    setting: Setting,
    threat: Threat,
    attack: Attack,
    looks: int,
    *,
    passes: int,
    stage: str,
    progress: Tell,
) -> tuple[Tensor, Tensor]:
    """Where an attack ends through the setting's channel, on the mean over photos, and where without it.

    Args:
        model: Asked about photos of the pictures, then about the pictures themselves.
        samples: Where from.
        setting: The channel, the target, and the seed.
        threat: How far.
        attack: What searches.
        looks: Photos per point.
        passes: About how many the attack makes without the channel.
        stage: What it does, for `progress`.
        progress: Told the stage, and how many passes were made.
    """
    channel = Channel(setting.scenario, setting.placement.side, size_of(samples), setting.seed)
    asked = here(model)
    behind, averaged = _Photographed(asked, channel, setting.placement), Averaged(attack, draws=looks)
    through = _ended(
        behind, samples, setting, threat, averaged, _passes_told(progress, stage, looks * passes)
    )
    told = _passes_told(progress, "without the channel", passes)
    return through, _ended(asked, samples, setting, threat, attack, told)


def _passes_told(progress: Tell, stage: str, total: int) -> Callable[[Progress], Any]:
    """Tells how many passes of about so many a search has made."""
    return lambda at: progress(stage, PatchProgress(min(at.passes, total), total, 0.0))


def _ended(
    model: Callable[[Tensor], Tensor],
    samples: Samples,
    setting: Setting,
    threat: Threat,
    attack: Attack,
    told: Callable[[Progress], Any],
) -> Tensor:
    """Where the attack ended, whether or not some single photo was a success on the way."""
    labels = samples.labels
    goal = (
        Untargeted(labels)
        if setting.target is None
        else Targeted(torch.full_like(labels, setting.target), labels)
    )
    task = Task(samples.inputs, goal, threat, Draws(row_keys(setting.seed, samples.ids, "perturb")))
    return search(model, task, attack, retire="never", keep="last", progress=told).adversarial
