"""Arms on pictures become a run on paper: judged on levels 0 to 3 and over distance, angle and light."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.errors import DataError, ModelError, UsageError
from sparring.models import Model, look, untouched
from sparring.physical.attacks.patch_attack import PatchProgress
from sparring.physical.extras import opencv
from sparring.physical.runs.levels import Trial, looks_at
from sparring.physical.runs.print_run import PrintRun, number_of
from sparring.physical.runs.print_warnings import print_warnings
from sparring.physical.runs.surface import surface_of
from sparring.physical.runs.tally import tallied
from sparring.physical.scene.placement import Placement
from sparring.physical.scene.scenario import Scenario
from sparring.storage.envelope import envelope

__all__ = ["Arms", "Setting", "Tell", "here", "judged_run", "size_of", "usable"]

Tell = Callable[[str, PatchProgress], Any]
"""Told the stage, and where it stands."""


@dataclass(frozen=True)
class Setting:
    """Where prints are looked at, and what counts.

    Attributes:
        placement: Sizes and places on paper.
        scenario: Where the prints will be looked at.
        target: The class that must come out; None for any wrong one.
        photos: Of each object, at levels 1 and 2; a third of it at level 3, which is slow.
        seed: Of all draws.
    """

    placement: Placement
    scenario: Scenario
    target: int | None = None
    photos: int = 6
    seed: int = 0


@dataclass(frozen=True)
class Arms:
    """What is compared, and what it took to make.

    Attributes:
        main: The name of the one that the run is about.
        patches: By name; a patch for all objects or one for each, None for the picture as it is.
        attack: Settings of what made it, for the run's body.
        forwards: What it cost in all.
        backwards: Likewise.
        trained_on: How many objects it was trained on, if others than it is judged on.
    """

    main: str
    patches: Mapping[str, Tensor | None]
    attack: Mapping[str, Any]
    forwards: int
    backwards: int
    trained_on: int = 0


def judged_run(
    model: Model,
    samples: Samples,
    setting: Setting,
    make: Callable[[Model, Samples], Arms],
    progress: Tell,
    command: str | None,
) -> PrintRun:
    """Have arms made, judge them on levels 0 to 3 and over distance, angle and light, and put everything together.

    Args:
        model: From `load_model`.
        samples: Objects that arms are judged on, square RGB; those that the model gets wrong as they are, or of the
            target's class, are left out.
        setting: Where and for what.
        make: Makes the arms; is given the model as it was looked at, and the objects that are left.
        progress: Told the stage, and where it stands.
        command: What repeats it.

    Raises:
        DataError: The samples are no square RGB pictures, or none is left.
        MissingExtraError: The extra `physical` is not installed.
        ModelError: The model fails on such inputs.
        UsageError: The target is no class of the model.
    """
    opencv()  # level 3 needs it; told before anything is made, not after
    began, size = time.monotonic(), size_of(samples)
    looked = look(model, samples.inputs, samples.labels)
    with untouched(looked):
        samples = usable(here(looked), samples, setting.target)
        arms = make(looked, samples)
        told = _judged(here(looked), samples, arms, setting, progress)
    facts = _facts(looked, samples, setting, size) | told
    seconds = time.monotonic() - began
    around = envelope(
        "physical", {}, samples=len(samples), seed=setting.seed, seconds=seconds, command=command
    )
    return PrintRun(around, facts | {"run": number_of(facts)}, arms.patches, samples.inputs.clone())


def _judged(
    model: Callable[[Tensor], Tensor], samples: Samples, arms: Arms, setting: Setting, progress: Tell
) -> dict[str, Any]:
    """Facts about how the arms were made, and how they do."""
    size = size_of(samples)
    trial = Trial(
        model, size, samples.inputs, samples.labels, samples.ids, arms.patches, setting.placement, setting.scenario,
        setting.target, setting.seed,
    )  # fmt: skip
    looks = []
    for level, photos in enumerate((1, setting.photos, setting.photos, max(1, setting.photos // 3))):
        looks += looks_at(trial, level, photos)
        progress("judging", PatchProgress(level + 1, 5, 0.0))
    spots = surface_of(trial, arms.main)
    progress("judging", PatchProgress(5, 5, 0.0))
    return {
        **{name: getattr(arms, name) for name in ("main", "attack", "forwards", "backwards", "trained_on")},
        "arms": list(arms.patches),
        "levels": [asdict(each) for each in tallied(looks)],
        "surface": [asdict(each) for each in spots],
        "warnings": print_warnings(_main(arms), setting.placement, setting.scenario, size),
    }


def here(model: Model) -> Callable[[Tensor], Tensor]:
    """The model asked where it is, with inputs and answers on the CPU, where the channel is computed."""
    return lambda inputs: model(inputs.to(model.device)).float().cpu()


def size_of(samples: Samples) -> int:
    """Height and width of square RGB pictures.

    Raises:
        DataError: They are none.
    """
    shape = samples.domain.shape
    if len(shape) != 3 or shape[0] != 3 or shape[1] != shape[2]:
        raise DataError(f"prints are made of square RGB pictures (3, H, H), but samples have shape {shape}")
    return int(shape[1])


def usable(model: Callable[[Tensor], Tensor], samples: Samples, target: int | None) -> Samples:
    """Samples that the model gets right, and that are not of the target's class: others would be won for nothing.

    Raises:
        DataError: None is left.
        ModelError: The model fails on them.
        UsageError: The target is no class of the model.
    """
    inputs = samples.inputs
    try:
        with torch.no_grad():
            outputs = torch.cat([model(part) for part in inputs.split(256)])
    except RuntimeError as error:
        raise ModelError(f"the model fails on pictures of {tuple(inputs.shape[1:])}: {error}") from error
    if target is not None and not 0 <= target < outputs.shape[1]:
        raise UsageError(
            f"the target is class {target}, but the model has classes 0 to {outputs.shape[1] - 1}"
        )
    right = outputs.argmax(1) == samples.labels
    chosen = right if target is None else right & (samples.labels != target)
    if not bool(chosen.any()):
        raise DataError(
            f"of {len(samples)} pictures none is left that the model gets right and that is not of the target's class"
        )
    return samples.select(chosen.nonzero().squeeze(1))


def _main(arms: Arms) -> Tensor:
    """One row of the arm that the run is about, `(3, down, across)`."""
    arm = arms.patches[arms.main]
    assert arm is not None
    return arm if arm.ndim == 3 else arm[0]


def _facts(model: Model, judge: Samples, setting: Setting, size: int) -> dict[str, Any]:
    rows = zip(judge.ids, judge.labels.tolist(), judge.index.tolist(), strict=True)
    recipe = {name: _plain(value) for name, value in (model.recipe or {}).items() if name != "engagement"}
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": {"name": model.name, "source": model.source, "digest": model.digest, "recipe": recipe},
        "classes": None if judge.classes is None else list(judge.classes),
        "size": size,
        "target": setting.target,
        "scenario": {"name": setting.scenario.name, "ranges": _ranges(setting.scenario)},
        "placement": asdict(setting.placement),
        "objects": [{"id": name, "label": label, "index": index} for name, label, index in rows],
    }


def _plain(value: object) -> object:
    """A value as JSON has it."""
    return value if value is None or isinstance(value, list | tuple | float) else str(value)


def _ranges(scenario: Scenario) -> dict[str, list[list[float]]]:
    return {name: [[each.low, each.high] for each in ranges] for name, ranges in scenario.ranges.items()}
