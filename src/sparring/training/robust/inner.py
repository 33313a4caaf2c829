"""The attack inside adversarial training: it proposes a point, and the net learns from it.

The engine's books, verification and early retirement are for audits. Here every row takes all its steps, and nobody
looks at the last point before the model learns from it: a look would cost a forward per sample and update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sparring.engine import Attack, Task, Want
from sparring.engine.contract import wants
from sparring.engine.memory import in_memory
from sparring.errors import UsageError
from sparring.tensors import pick, tree_map
from sparring.threat import Threat, Untargeted
from sparring.training.minibatch import Minibatch

__all__ = ["Find", "Inner", "as_it_is", "set_mode", "unlearning"]

FIRST = 0.02
"""The smallest share of eps while it grows."""


class Find(Protocol):
    """Finds what the model shall learn from, like `minibatch.inputs`, without a graph; leaves the model as it was."""

    def __call__(self, model: nn.Module, minibatch: Minibatch) -> Tensor: ...


Prepare = Callable[[nn.Module, Task], Task]
"""Adds what an attack needs before it starts."""


def as_it_is(model: nn.Module, task: Task) -> Task:
    """The task, unprepared."""
    return task


@dataclass(frozen=True)
class Inner:
    """The last point that an attack proposes. Cost: `attack.steps` forwards and, where it climbs, backwards.

    The model is in evaluation mode meanwhile: its batch statistics are not those of the attack, and a row's point does
    not depend on its mates.

    Args:
        threat: Which changes are allowed.
        attack: Proposes points, one per row.
        prepare: What is done to the task first.
        warm_up: Share of the training over which eps grows to its full size. A net that knows nothing yet, or nothing
            of attacks, may learn nothing at a large eps.

    Raises:
        UsageError: The warm-up is no share.
    """

    threat: Threat
    attack: Attack
    prepare: Prepare = as_it_is
    warm_up: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.warm_up <= 1:
            raise UsageError(f"warm_up is a share of the training from 0 to 1, but got {self.warm_up:g}")

    def __call__(self, model: nn.Module, minibatch: Minibatch) -> Tensor:
        threat = _grown(self.threat, minibatch.done, self.warm_up)
        bound = threat.bind(minibatch.inputs, minibatch.domain)
        task = Task(minibatch.inputs, Untargeted(minibatch.labels), bound, minibatch.draws)
        with unlearning(model):
            task = self.prepare(model, task)
            return _proposed(model, task, self.attack)


def _proposed(model: nn.Module, task: Task, attack: Attack) -> Tensor:
    """Where an attack is after all its steps, as the model would be shown it."""
    state = attack.start(task)
    for _ in range(attack.steps):
        climb = wants(state.ask) == Want.GRADIENTS
        seen, _ = in_memory(model, attack, task, state, climb, len(task) * state.ask.points.shape[1])
        state = _after(state, attack.step(task, state, seen))
    return task.threat.render(state.point, task.inputs).detach()


def _after(before: Any, after: Any) -> Any:
    """The next state; rows that the attack called done stay where they were."""
    if before.done is None or not bool(before.done.any()):
        return after
    return tree_map(lambda old, new: pick(before.done, old, new) if old.ndim else new, before, after)


def _grown(threat: Threat, done: float, warm_up: float) -> Threat:
    """The threat with the eps of this moment."""
    if done >= warm_up:
        return threat
    return replace(threat, eps=threat.eps * max(FIRST, done / warm_up))


def set_mode(model: nn.Module, training: bool) -> None:
    """Set the mode of every module; `train()` is refused by exported programs."""
    for module in model.modules():
        module.training = training


@contextmanager
def unlearning(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, and no gradients of weights, which cost time and memory."""
    modes = [(module, module.training) for module in model.modules()]
    learning = [each for each in model.parameters() if each.requires_grad]
    try:
        set_mode(model, training=False)
        for each in learning:
            each.requires_grad_(False)
        with torch.enable_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
        for each in learning:
            each.requires_grad_(True)
