"""The fastest way to ask a model on the inputs at hand, measured, and the model itself where nothing pays.

Whatever is chosen only proposes: the engine shows what it takes for a success to the model itself.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from sparring.execution.folding import folded
from sparring.execution.frozen_script import scripted
from sparring.execution.memory_layout import channels_last
from sparring.execution.thin_convolutions import thin
from sparring.models import Model

__all__ = ["PLAIN", "Prepared", "prepared"]

GAIN = 1.05
"""What is chosen must be so many times as fast as the model itself."""

CLOSE = 1e-3
"""Largest change of answers and of gradients, as a share of their size."""

TIMES = 5

PLAIN: Mapping[str, str] = {"climb": "plain", "look": "plain"}
"""The model itself for both."""

_Make = Callable[[nn.Module, Tensor], nn.Module]

CLIMBS: dict[str, _Make] = {
    "folded": lambda module, inputs: folded(module),
    "channels last": lambda module, inputs: channels_last(module),
    "thin": lambda module, inputs: thin(module),
}
LOOKS: dict[str, _Make] = {"folded": CLIMBS["folded"], "scripted": scripted}
"""What may be done to a model, one after the other, for passes with gradients and without."""


@dataclass(frozen=True)
class Prepared:
    """A model to search, and the names of what was chosen for `climb` and `look`.

    `model` is None while this travels to another process, which makes it again from the names.
    """

    model: Model | None
    chosen: Mapping[str, str]


class _Either(nn.Module):
    """One function where gradients of the inputs are wanted, another where they are not."""

    def __init__(self, climb: Callable[[Tensor], Any], look: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.climb, self.look = climb, look

    def forward(self, inputs: Tensor) -> Any:
        return (self.climb if torch.is_grad_enabled() and inputs.requires_grad else self.look)(inputs)


def prepared(model: Model, inputs: Tensor, chosen: Mapping[str, str] | None = None) -> Prepared:
    """The model, answering the same up to rounding, faster if that can be had.

    Args:
        model: Looked at; it stays as it is. One that answers at random, whose gradients are stopped, that is no
            module, or that cannot be copied is taken as it is.
        inputs: A real batch, `(B, *shape)`, to measure on. Cost: some tens of passes.
        chosen: What was chosen before, by names; nothing is measured then.
    """
    module = model.function
    if model.randomised or model.stops or not isinstance(module, nn.Module) or not len(inputs):
        return Prepared(model, PLAIN)
    inputs = inputs.to(model.device)
    with warnings.catch_warnings(
        action="ignore"
    ):  # copies and traces of exported programs warn of themselves
        if chosen is None:
            climb = _fastest(model, module, CLIMBS, inputs, _climbed) if model.gradients else "plain"
            chosen = {"climb": climb, "look": _fastest(model, module, LOOKS, inputs, _looked)}
        if dict(chosen) == PLAIN:
            return Prepared(model, PLAIN)
        climb_with, look_with = (
            _made(table, chosen[use], module, inputs) for use, table in (("climb", CLIMBS), ("look", LOOKS))
        )
    return Prepared(model.having(function=_Either(climb_with, look_with)), chosen)


def _made(table: Mapping[str, _Make], names: str, module: nn.Module, inputs: Tensor) -> nn.Module:
    for name in names.split(", "):
        module = table[name](module, inputs) if name in table else module
    return module


def _fastest(
    model: Model, module: nn.Module, table: Mapping[str, _Make], inputs: Tensor, use: Callable[..., Tensor]
) -> str:
    """The names of all that makes the model faster and lets it answer alike, `plain` if they are not worth it."""
    best, names = model, list[str]()
    for name, make in table.items():
        try:
            made = make(module, inputs)
            other = model.having(function=made)
            if not _alike(model, other, inputs, use):
                continue
            before, after = _seconds(partial(use, best, inputs), partial(use, other, inputs), inputs.device)
        except Exception:  # a speed-up that fails is none; whatever it raised, the model itself is there
            continue
        if after < before:
            best, module, names = other, made, [*names, name]
    before, after = _seconds(partial(use, model, inputs), partial(use, best, inputs), inputs.device)
    return ", ".join(names) if names and after < before / GAIN else "plain"


def _alike(model: Model, other: Model, inputs: Tensor, use: Callable[..., Tensor]) -> bool:
    """Whether both answer alike, in batches of several sizes, and as alike when asked again."""
    for part in (inputs, inputs[:8], inputs[: len(inputs) // 2 + 1]):
        mine, its = use(model, part), use(other, part)
        if not bool((mine - its).norm() <= CLOSE * mine.norm().clamp_min(1e-12)):
            return False
    return True


def _looked(model: Model, inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return model(inputs).double()


def _climbed(model: Model, inputs: Tensor) -> Tensor:
    """The gradient of a mixture of all outputs."""
    with torch.enable_grad():
        points = inputs.clone().requires_grad_()
        outputs = model(points)
        mixed = (outputs * torch.arange(1, outputs.shape[1] + 1, device=outputs.device)).logsumexp(1)
        return torch.autograd.grad(mixed.sum(), points)[0].double()


def _seconds(one: Callable[[], Any], other: Callable[[], Any], device: torch.device) -> tuple[float, float]:
    """The least of a few times of each, after a warm-up, in turns: what else runs here slows both.

    On the CPU it is its own time, which other processes do not stretch.
    """
    one(), other()
    turns = [(_once(one, device), _once(other, device)) for _ in range(TIMES)]
    return min(first for first, _ in turns), min(second for _, second in turns)


def _once(act: Callable[[], Any], device: torch.device) -> float:
    if device.type == "cpu":
        began = time.process_time()
        act()
        return time.process_time() - began
    torch.accelerator.synchronize()
    began = time.perf_counter()
    act()
    torch.accelerator.synchronize()
    return time.perf_counter() - began
