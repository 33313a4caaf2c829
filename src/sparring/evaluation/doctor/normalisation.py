"""Is normalisation missing, or done twice? And are the channels in the order that the model knows?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sparring.data import Samples
from sparring.evaluation.doctor.check import Check, Status
from sparring.evaluation.doctor.trials import Change, Trial, try_changes
from sparring.models import Model
from sparring.models.behind import modules_behind
from sparring.models.canonical import show
from sparring.models.normalised import Normalised

__all__ = ["NORMALISATIONS", "check_channels", "check_normalisation"]

Numbers = tuple[float, ...]

NORMALISATIONS: dict[str, tuple[Numbers, Numbers]] = {
    "ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "CIFAR-10": ((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)),
    "MNIST": ((0.1307,), (0.3081,)),
    "Fashion-MNIST": ((0.286,), (0.353,)),
    "[-1, 1]": ((0.5,), (0.5,)),
    "grey levels 0 to 255": ((0.0,), (1 / 255,)),
}
"""Means and standard deviations that models are trained with, for images in [0, 1]."""
OWN = "with the one inside undone"
ROUNDING = 1e-3
GENERAL, NEAR = ("ImageNet", "[-1, 1]", "grey levels 0 to 255"), 0.1
CLEAR = 0.1
"""A rise of accuracy from here on is an error, below it a warning."""


def check_normalisation(model: Model, samples: Samples, correct: Tensor) -> Check:
    """Whether the model is better with a usual normalisation before it, or with one undone.

    Args:
        model: Looked at.
        samples: N of them.
        correct: (N,) whether the model is right as it is.
    """
    name, count = "normalisation", len(samples)
    if _normalises_twice(model, samples):
        seen = "a normalisation inside the model is shown values that were normalised before"
        fix = "leave mean and std out, or take one normalisation out of the model"
        return Check(name, "error", seen, count, fix, _settings(None))
    usual = _usual(samples)
    inside = _inside(model, samples)
    undone = {} if inside is None else {OWN: _undone(*inside)}
    undone |= {f"with that for {key} undone": _undone(*value) for key, value in usual.items()}
    ahead = {f"normalised for {key}": _ahead(*value) for key, value in usual.items()}
    trial = try_changes(model, samples, correct, undone | ahead)
    if trial is None:
        return Check(
            name, "ok", "no usual normalisation before the model, or undone, is clearly better", count
        )
    kinds = {each in undone for each in (trial.name, *trial.rivals)}
    if len(kinds) == 2 and trial.name != OWN:
        fix = "give the mean and std that the model was trained with, once"
        return Check(name, _status(trial), f"wrong: {trial.words}", count, fix)
    if trial.name in undone:
        seen, fix = f"one too many: {trial.words}", "leave mean and std out, or take one out of the model"
        return Check(name, _status(trial), seen, count, fix, _settings(None))
    mean, std = next(value for key, value in usual.items() if trial.name == f"normalised for {key}")
    fix = f"mean = {_listed(mean)} and std = {_listed(std)} in [model], if it was trained so"
    return Check(name, _status(trial), f"missing: {trial.words}", count, fix, _settings((mean, std)))


def check_channels(model: Model, samples: Samples, correct: Tensor) -> Check:
    """Whether the model is better with the channels in reverse order (RGB and BGR)."""
    name, count = "channel order", len(samples)
    if not (samples.domain.is_image and samples.domain.shape[0] == 3):
        return Check(name, "ok", "only images with three channels have one", count)
    trial = try_changes(
        model, samples, correct, {"with the channels reversed": lambda inputs: inputs.flip(1)}
    )
    if trial is None:
        return Check(name, "ok", "reversed channels are not clearly better", count)
    return Check(name, _status(trial), trial.words, count, "reverse the channels of the data: x[:, ::-1]")


def _normalises_twice(model: Model, samples: Samples) -> bool:
    """Whether a module with a mean and a std takes inputs outside the range of the data further astray.

    One that undoes a normalisation is shown such inputs too, and leads back towards the range.
    """
    inputs, found = samples.inputs[:8].to(model.device), []

    def watch(_: nn.Module, given: tuple[Any, ...], gives: Any) -> None:
        passed = [
            each for each in (*given[:1], gives) if isinstance(each, Tensor) and each.shape == inputs.shape
        ]
        before, after = (_excess(each, samples) for each in passed) if len(passed) == 2 else (0.0, 0.0)
        found.append(ROUNDING < before < after)

    hooks = [module.register_forward_hook(watch) for module in _normalisers(model)]
    try:
        with torch.no_grad():
            show(model, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return any(found)


def _excess(values: Tensor, samples: Samples) -> float:
    """How far values lie outside the range of the data."""
    low, high = (torch.as_tensor(bound).to(values) for bound in (samples.domain.low, samples.domain.high))
    return float(torch.maximum(low - values, values - high).amax())


def _normalisers(model: Model) -> list[nn.Module]:
    """Modules that call something their mean and their std."""
    return [each for each in modules_behind(model) if hasattr(each, "mean") and hasattr(each, "std")]


def _inside(model: Model, samples: Samples) -> tuple[Numbers, Numbers] | None:
    """Mean and std of the first normalisation inside the model that fits the samples, if there is one."""
    for module in _normalisers(model):
        try:
            mean, std = (
                tuple(torch.as_tensor(each).flatten().tolist()) for each in (module.mean, module.std)
            )
        except (TypeError, ValueError, RuntimeError):  # methods, or whatever else is called so
            continue
        if len(mean) == len(std) and len(mean) in (1, samples.domain.shape[0]) and min(std) > 0:
            return mean, std
    return None


def _usual(samples: Samples) -> dict[str, tuple[Numbers, Numbers]]:
    """Normalisations that fit the samples, and the samples' own."""
    axes = [0, *range(2, samples.inputs.ndim)]
    std, mean = torch.std_mean(samples.inputs.double(), axes, correction=0)
    std = torch.where(std > 0, std, 1.0)
    known = NORMALISATIONS if samples.domain.is_image else {}
    fitting = {key: value for key, value in known.items() if _fits(key, value, mean, std)}
    return fitting | {"these samples": (_rounded(mean), _rounded(std))}


def _fits(key: str, usual: tuple[Numbers, Numbers], mean: Tensor, std: Tensor) -> bool:
    """Whether a normalisation has the right channels, and serves all kinds of data or is near the samples' own."""
    if len(usual[0]) not in (1, len(mean)):
        return False
    near = all(
        (torch.tensor(one) - own).abs().amax() < NEAR for one, own in zip(usual, (mean, std), strict=True)
    )
    return key in GENERAL or bool(near)


def _ahead(mean: Sequence[float], std: Sequence[float]) -> Change:
    return Normalised(mean, std)


def _undone(mean: Sequence[float], std: Sequence[float]) -> Change:
    return Normalised([-m / s for m, s in zip(mean, std, strict=True)], [1 / s for s in std])


def _rounded(values: Tensor) -> Numbers:
    """Four significant digits."""
    return tuple(float(f"{value:.4g}") for value in values.tolist())


def _listed(values: Numbers) -> str:
    return f"[{', '.join(f'{value:.6g}' for value in values)}]"


def _settings(found: tuple[Numbers, Numbers] | None) -> dict[str, dict[str, Any]]:
    mean, std = found or (None, None)
    return {"model": {"mean": mean and list(mean), "std": std and list(std)}}


def _status(trial: Trial) -> Status:
    return "error" if trial.rise >= CLEAR else "warning"
