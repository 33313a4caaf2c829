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
from sparring.models import Model
from sparring.physical.levels import Trial, looks_at
from sparring.physical.patch_attack import PatchProgress
from sparring.physical.placement import Placement
from sparring.physical.print_run import PrintRun, number_of
from sparring.physical.print_warnings import print_warnings
from sparring.physical.scenario import Scenario
from sparring.physical.surface import surface_of
from sparring.physical.tally import tallied
from sparring.storage.envelope import envelope

__all__ = ["Setting", "Tell", "here", "judged_run", "size_of", "usable"]

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


def judged_run(
    model: Model,
    samples: Samples,
    arms: Mapping[str, Tensor | None],
    setting: Setting,
    made: Mapping[str, Any],
    began: float,
    progress: Tell,
    command: str | None,
) -> PrintRun:
    """Judge arms on `samples`, and put everything together.

    Args:
        model: That was looked at.
        samples: Objects that arms are judged on.
        arms: By name.
        setting: Where and for what.
        made: Facts about how the arms were made; `main` names the one that it is about.
        began: When, by `time.monotonic`.
        progress: Told the stage.
        command: What repeats it.
    """
    size = size_of(samples)
    trial = Trial(
        here(model), size, samples.inputs, samples.labels, samples.ids, arms, setting.placement, setting.scenario,
        setting.target, setting.seed,
    )  # fmt: skip
    looks = []
    for level, photos in enumerate((1, setting.photos, setting.photos, max(1, setting.photos // 3))):
        looks += looks_at(trial, level, photos)
        progress("judging", PatchProgress(level + 1, 5, 0.0))
    spots = surface_of(trial, made["main"])
    progress("judging", PatchProgress(5, 5, 0.0))
    facts = _facts(model, samples, setting, size) | {
        **made,
        "arms": list(arms),
        "levels": [asdict(each) for each in tallied(looks)],
        "surface": [asdict(each) for each in spots],
        "warnings": print_warnings(_main(arms, made), setting.placement, setting.scenario, size),
    }
    seconds = time.monotonic() - began
    around = envelope(
        "physical", {}, samples=len(samples), seed=setting.seed, seconds=seconds, command=command
    )
    return PrintRun(around, facts | {"run": number_of(facts)}, arms, samples.inputs.clone())


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


def _main(arms: Mapping[str, Tensor | None], made: Mapping[str, Any]) -> Tensor:
    """One row of the arm that the run is about, `(3, down, across)`."""
    arm = arms[made["main"]]
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
