"""From a model and pictures to a run on paper: train the patch, make its controls, judge all on levels 0 to 3."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.errors import DataError, ModelError, UsageError
from sparring.models import Model, look, untouched
from sparring.physical.channel import Channel
from sparring.physical.controls import controls_of
from sparring.physical.levels import Trial, looks_at
from sparring.physical.patch_attack import PatchAttack, PatchProgress, fit_patch
from sparring.physical.placement import Placement
from sparring.physical.print_run import PrintRun, number_of
from sparring.physical.print_warnings import print_warnings
from sparring.physical.scenario import Scenario
from sparring.physical.surface import surface_of
from sparring.physical.tally import tallied
from sparring.storage.envelope import envelope

__all__ = ["Order", "make_print_run", "trial_of"]


@dataclass(frozen=True)
class Order:
    """What shall be made.

    Attributes:
        placement: Sizes and places on paper.
        scenario: Where the prints will be looked at.
        target: The class that must come out; None for any wrong one.
        attack: How the patch is trained.
        photos: Of each object, at levels 1 and 2; a third of it at level 3, which is slow.
        unprotected: Whether a patch is trained without the channel too, as a control.
        seed: Of all draws.
    """

    placement: Placement
    scenario: Scenario
    target: int | None = None
    attack: PatchAttack = PatchAttack()  # noqa: RUF009  # it is frozen
    photos: int = 6
    unprotected: bool = True
    seed: int = 0


def make_print_run(
    model: Model,
    learn: Samples,
    judge: Samples,
    order: Order,
    progress: Callable[[str, PatchProgress], Any] = lambda stage, progress: None,
    command: str | None = None,
) -> PrintRun:
    """Train a patch and its controls, and judge them before anything is printed.

    Objects that the model gets wrong as they are, and those whose class is the target, are left out: they would be
    successes for nothing.

    Args:
        model: From `load_model`; asked for inputs of the size that the samples have.
        learn: Objects that patches are trained on.
        judge: Objects that they are judged on and printed on; none of `learn`.
        order: What shall be made.
        progress: Told the stage, and where it stands.
        command: What repeats it.

    Raises:
        DataError: The samples are no square pictures, or none is left.
        ModelError: The model fails on such inputs.
        UsageError: The target is no class of the model.
    """
    began = time.monotonic()
    size = _size(learn, judge)
    looked = look(model, learn.inputs, learn.labels)
    with untouched(looked):
        asked = _here(looked)
        learn, judge = (_usable(asked, each, order) for each in (learn, judge))
        arms = _arms(asked, learn, order, size, progress)
        trial = Trial(
            asked, size, judge.inputs, judge.labels, judge.ids, arms, order.placement, order.scenario, order.target,
            order.seed,
        )  # fmt: skip
        looks = []
        for level, photos in enumerate((1, order.photos, order.photos, max(1, order.photos // 3))):
            looks += looks_at(trial, level, photos)
            progress("judging", PatchProgress(level + 1, 5, 0.0))
        spots = surface_of(trial, "patch")
        progress("judging", PatchProgress(5, 5, 0.0))
    facts = _facts(looked, judge, order, size) | {
        "trained_on": len(learn),
        "arms": list(arms),
        "levels": [asdict(each) for each in tallied(looks)],
        "surface": [asdict(each) for each in spots],
        "warnings": print_warnings(_patch(arms), order.placement, order.scenario, size),
    }
    around = envelope(
        "physical", {}, samples=len(judge), seed=order.seed, seconds=time.monotonic() - began, command=command
    )
    return PrintRun(
        around, facts | {"run": number_of(facts)}, arms, judge.inputs.expand(-1, 3, -1, -1).clone()
    )


def trial_of(run: PrintRun, model: Callable[[Tensor], Tensor], scenario: Scenario) -> Trial:
    """The trial that a stored run went through, for another look."""
    facts = run.facts
    return Trial(
        model, facts["size"], run.inputs, run.labels, run.names, run.arms, run.placement, scenario, facts["target"],
        run.envelope["seed"],
    )  # fmt: skip


def _here(model: Model) -> Callable[[Tensor], Tensor]:
    """The model asked where it is, with inputs and answers on the CPU, where the channel is computed."""
    return lambda inputs: model(inputs.to(model.device)).float().cpu()


def _arms(
    model: Callable[[Tensor], Tensor],
    learn: Samples,
    order: Order,
    size: int,
    progress: Callable[[str, PatchProgress], Any],
) -> dict[str, Tensor | None]:
    """The picture as it is, the patch, the patch trained without the channel, and the controls."""
    channel = Channel(order.scenario, order.placement.side, size, order.seed)
    arms: dict[str, Tensor | None] = {"none": None}
    for name, between in (("patch", channel), ("no channel", None))[: 1 + order.unprotected]:
        arms[name] = fit_patch(
            model, (learn.inputs, learn.labels), order.placement, between, target=order.target, size=size,
            attack=order.attack, seed=order.seed, progress=partial(progress, name),
        )  # fmt: skip
    return arms | controls_of(_patch(arms), order.seed)


def _patch(arms: dict[str, Tensor | None]) -> Tensor:
    patch = arms["patch"]
    assert patch is not None
    return patch


def _size(learn: Samples, judge: Samples) -> int:
    for each in (learn, judge):
        shape = each.domain.shape
        if not each.domain.is_image or shape[0] == 4 or shape[1] != shape[2]:
            raise DataError(f"prints are made of square grey or RGB pictures, but samples have shape {shape}")
    if learn.domain.shape != judge.domain.shape:
        raise DataError(
            f"pictures to learn from have shape {learn.domain.shape}, those to judge on {judge.domain.shape}"
        )
    return int(learn.domain.shape[1])


def _usable(model: Callable[[Tensor], Tensor], samples: Samples, order: Order) -> Samples:
    """Samples that the model gets right, and that are not of the target's class; as RGB."""
    inputs = samples.inputs.expand(-1, 3, -1, -1)
    try:
        with torch.no_grad():
            outputs = torch.cat([model(part) for part in inputs.split(256)])
    except RuntimeError as error:
        raise ModelError(f"the model fails on RGB pictures of {tuple(inputs.shape[1:])}: {error}") from error
    if order.target is not None and not 0 <= order.target < outputs.shape[1]:
        raise UsageError(
            f"the target is class {order.target}, but the model has classes 0 to {outputs.shape[1] - 1}"
        )
    right = outputs.argmax(1) == samples.labels
    usable = right if order.target is None else right & (samples.labels != order.target)
    if not bool(usable.any()):
        raise DataError(
            f"of {len(samples)} pictures none is left that the model gets right and that is not of the target's class"
        )
    return replace(samples.select(usable.nonzero().squeeze(1)), domain=samples.domain)


def _facts(model: Model, judge: Samples, order: Order, size: int) -> dict[str, Any]:
    rows = zip(judge.ids, judge.labels.tolist(), judge.index.tolist(), strict=True)
    recipe = {name: _plain(value) for name, value in (model.recipe or {}).items() if name != "engagement"}
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": {"name": model.name, "source": model.source, "digest": model.digest, "recipe": recipe},
        "classes": None if judge.classes is None else list(judge.classes),
        "size": size,
        "target": order.target,
        "scenario": {"name": order.scenario.name, "ranges": _ranges(order.scenario)},
        "placement": asdict(order.placement),
        "attack": {"steps": order.attack.steps, "looks": order.attack.looks, "smooth": order.attack.smooth},
        "objects": [{"id": name, "label": label, "index": index} for name, label, index in rows],
        "forwards": order.attack.steps * order.attack.looks,
        "backwards": order.attack.steps * order.attack.looks,
    }


def _plain(value: object) -> object:
    """A value as JSON has it."""
    return value if value is None or isinstance(value, list | tuple | float) else str(value)


def _ranges(scenario: Scenario) -> dict[str, list[list[float]]]:
    return {name: [[each.low, each.high] for each in ranges] for name, ranges in scenario.ranges.items()}
