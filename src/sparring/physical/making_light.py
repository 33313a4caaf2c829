"""Light thrown on each object, so that a camera's model misreads it."""

from __future__ import annotations

import time
from dataclasses import replace

import torch
from torch import Tensor

from sparring.attacks import Averaged
from sparring.data import Samples
from sparring.draws import Draws, row_keys
from sparring.models import Model, look, untouched
from sparring.physical.channel import Channel
from sparring.physical.extras import opencv
from sparring.physical.judging import Setting, Tell, here, judged_run, size_of, usable
from sparring.physical.light_search import LightSearch
from sparring.physical.perturbing import Photographed, passes_told, searched, whole_picture
from sparring.physical.print_run import PrintRun
from sparring.physical.scenario import Scenario
from sparring.physical.thrown_light import Shadow
from sparring.threat import Linf

__all__ = ["make_lit_run", "unprinted"]


def make_lit_run(
    model: Model,
    samples: Samples,
    side: float,
    scenario: Scenario,
    attack: LightSearch,
    *,
    looks: int = 4,
    target: int | None = None,
    photos: int = 6,
    seed: int = 0,
    progress: Tell = lambda stage, progress: None,
    command: str | None = None,
) -> PrintRun:
    """Search a light for each object, seen by the scenario's camera, and judge it on levels 0 to 3.

    Nothing is printed, so the scenario's printer and paper are left out. Arms: the object as it is, the light that was
    found, one found without the camera, and one drawn at random. Cost: `attack.steps + 3` times `looks` queries for
    each object, and `attack.steps + 1` for the one without the camera.

    Args:
        model: From `load_model`.
        samples: Square RGB pictures; those that the model gets wrong as they are, or of the target's class, are left
            out.
        side: Of the object, in mm.
        scenario: Where it is seen.
        attack: What is thrown, and how much effort is spent.
        looks: Photos per look of the search.
        target: The class that must come out; None for any wrong one.
        photos: Of each object, when it is judged.
        seed: Of all draws.
        progress: Told the stage, and where it stands.
        command: What repeats it.

    Raises:
        DataError: The samples are no square RGB pictures, or none is left.
        MissingExtraError: The extra `physical` is not installed.
        UsageError: The target makes no sense.
    """
    opencv()  # level 3 needs it; told before the search, not after
    began, size = time.monotonic(), size_of(samples)
    setting = Setting(whole_picture(side, size), unprinted(scenario), target, photos, seed)
    name = "shadow" if isinstance(attack.light, Shadow) else "beam"
    looked = look(model, samples.inputs, samples.labels)
    with untouched(looked):
        samples = usable(here(looked), samples, target)
        arms = _arms(looked, samples, setting, attack, looks, name, progress)
        made = {
            "main": name,
            "trained_on": 0,
            "attack": {"steps": attack.steps, "looks": looks},
            "forwards": (attack.steps + 3) * looks * len(samples),
            "backwards": 0,
        }
        return judged_run(looked, samples, arms, setting, made, began, progress, command)


def unprinted(scenario: Scenario) -> Scenario:
    """The same place and camera, and no print: the object itself is looked at."""
    bare = scenario.having(black=0.0, saturation=1.0, dot_gain=0.0, halftone=20.0, white=1.0)
    return replace(bare, name=f"{scenario.name}, nothing printed")


def _arms(
    model: Model,
    samples: Samples,
    setting: Setting,
    attack: LightSearch,
    looks: int,
    name: str,
    progress: Tell,
) -> dict[str, Tensor | None]:
    threat = Linf(samples.domain.high - samples.domain.low).bind(samples.inputs, samples.domain)
    channel = Channel(setting.scenario, setting.placement.side, size_of(samples), setting.seed)
    photographed = Photographed(model, channel, setting.placement)
    queries = len(samples) * (attack.steps + 3)
    tell = passes_told(progress, f"throwing a {name}", looks * queries)
    found = searched(photographed, samples, setting, threat, Averaged(attack, draws=looks), tell)
    tell = passes_told(progress, "without the channel", queries)
    unseen = searched(here(model), samples, setting, threat, attack, tell)
    draws = Draws(row_keys(setting.seed, samples.ids, "light"))
    drawn = draws.uniform(torch.empty(len(samples), attack.light.numbers))
    return {
        "none": samples.inputs.clone(),
        name: found,
        "no channel": unseen,
        "random": attack.light.cast(samples.inputs, drawn),
    }
