"""The one training loop: plain, adversarial, on poisoned data.

Each update is a function of the state, the seed and its number alone. So the same call gives the same weights, bit for
bit on one device and version of torch, also if it was killed in between and went on from a checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from sparring.data import Samples
from sparring.errors import Interrupted, ModelError
from sparring.storage.interrupts import undisturbed
from sparring.training.course import Course
from sparring.training.recipe import Recipe
from sparring.training.state import Checkpoint, Epoch, State, fresh

__all__ = ["Fitted", "Progress", "fit"]

HOPELESS = 1000
"""A loss so many times the first one does not come back."""


@dataclass(frozen=True)
class Fitted:
    """A trained model, and how it came about.

    Args:
        model: In evaluation mode; after the best epoch if there were held-out samples, else after the last.
        curve: The model before training, then an entry per epoch.
        best: Which entry of the curve `model` is from.
        losses: Of each sample in each epoch, as it was when the model learned from it, `(epochs, N)`.
        reason: Why the training ended early; None if it did not.
    """

    model: nn.Module
    curve: tuple[Epoch, ...]
    best: int
    losses: Tensor
    reason: str | None = None


@dataclass(frozen=True)
class Progress:
    """Where a training stands: updates made, of how many, the loss of the last one, the curve so far."""

    step: int
    steps: int
    loss: float
    curve: tuple[Epoch, ...]


def fit(
    model: nn.Module,
    samples: Samples,
    recipe: Recipe | None = None,
    *,
    validation: Samples | None = None,
    checkpoint: Path | None = None,
    every: float = 60.0,
    progress: Callable[[Progress], None] | None = None,
    seed: int = 0,
) -> Fitted:
    """Train a copy of `model`; the model itself is left as it is.

    Parameters that ask for gradients learn; if none does, all learn.

    Args:
        model: Inputs in the range of the data to logits `(B, C)`; normalisation is inside.
        samples: Learned from.
        recipe: How; a short plain training without.
        validation: Held-out samples; the epoch that does best on them is kept.
        checkpoint: A file that is written from time to time. If it is there, the training in it goes on, and ends with
            the same weights, bit for bit on the CPU.
        every: Seconds between checkpoints.
        progress: Told after every update.
        seed: Of all draws.

    Returns:
        The trained model with its curve. A loss that is no number ends the training; what was best before is kept.

    Raises:
        DataError: Samples cannot be learned from, or the disk is full.
        ModelError: The model cannot learn.
        OtherRunError: The checkpoint belongs to another training.
        Interrupted: On Ctrl-C; the checkpoint is written first.

    >>> import torch, sparring
    >>> from sparring.training import Recipe, fit, small_net
    >>> inputs = torch.rand(200, 2)
    >>> samples = sparring.load_data((inputs, (inputs.sum(1) > 1).long()))
    >>> fitted = fit(small_net(samples), samples, Recipe(epochs=5, minibatch=20), validation=samples)
    >>> fitted.curve[fitted.best].clean > 0.9
    True
    """
    course = Course(samples, recipe or Recipe(), seed, validation)
    learner = _copy_of(model)
    course.check(learner)
    file = None if checkpoint is None else Checkpoint(checkpoint, course.digest(learner))
    state = fresh(learner, course.recipe, len(samples))
    state = state if file is None else file.restored(state)
    with _own_randomness():
        while state.reason is None and len(state.curve) <= course.recipe.epochs:
            before, state = state, _advanced(state, course, file)
            if file is not None and _due(before, state, every):
                file.save(state)
            if progress is not None:
                progress(Progress(state.step, course.steps, _last_loss(state, course), state.curve))
    if file is not None:
        file.save(state)
    return _fitted(state)


def _advanced(state: State, course: Course, file: Checkpoint | None) -> State:
    """The state after the next measurement or update; an interrupt waits for it and is written down."""
    after = None
    try:
        with undisturbed():
            due = len(state.curve) <= state.step // course.updates
            after = _measured(state, course) if due else _updated(state, course)
    except KeyboardInterrupt:
        if file is not None and after is not None:
            file.save(after)
        raise Interrupted("the training was stopped; it can go on from its checkpoint") from None
    return after


def _updated(state: State, course: Course) -> State:
    """One update of the weights."""
    began = time.perf_counter()
    torch.manual_seed(course.seed_of("update", state.step))
    rows, epoch = course.rows(state.step), state.step // course.updates
    _set_mode(state.model, training=True)
    minibatch = course.minibatch(state.step, rows, next(state.model.parameters()).device)
    losses = course.recipe.objective(state.model, minibatch)
    state.optimiser.zero_grad()
    losses.mean().backward()
    for group in state.optimiser.param_groups:
        group["lr"] = course.recipe.optimiser.rate * course.recipe.schedule(minibatch.done)
    state.optimiser.step()
    if course.recipe.averaging is not None:
        _average(state, course.recipe.averaging)
    state.losses[epoch, rows] = losses.detach().cpu()
    seconds = state.seconds + time.perf_counter() - began
    return replace(state, step=state.step + 1, seconds=seconds, reason=_hopeless(state, course))


def _measured(state: State, course: Course) -> State:
    """Write down how good the model is, and keep it if it is the best."""
    _set_mode(state.average, training=False)
    found = None
    if course.validation is not None:
        found = course.recipe.measure(state.average, course.validation)
    loss = float(state.losses[len(state.curve) - 1].mean()) if state.curve else None
    entry = Epoch(
        loss, None if found is None else found.clean, None if found is None else found.robust, state.seconds
    )
    curve = (*state.curve, entry)
    best = state.curve[state.best].score if state.curve else None
    if entry.score is not None and best is not None and entry.score <= best:
        return replace(state, curve=curve)
    weights = {name: value.clone() for name, value in state.average.state_dict().items()}
    return replace(state, curve=curve, best=len(state.curve), weights=weights)


def _hopeless(state: State, course: Course) -> str | None:
    """Why the training cannot go on, if it cannot."""
    epoch, first = state.step // course.updates, course.rows(0)
    loss = _last_loss(replace(state, step=state.step + 1), course)
    if not math.isfinite(loss):
        return f"the loss became {loss} in epoch {epoch + 1}; lower the learning rate"
    if loss > HOPELESS * float(state.losses[0, first].mean()):
        return f"the loss grew to {loss:.3g} in epoch {epoch + 1}, without end; lower the learning rate"
    return None


def _last_loss(state: State, course: Course) -> float:
    """Mean loss of the last update; NaN before the first."""
    step = max(0, state.step - 1)
    return float(state.losses[step // course.updates, course.rows(step)].mean())


@torch.no_grad()
def _average(state: State, keep: float) -> None:
    """Move the average towards the model; the first updates weigh more, or the start would never be forgotten."""
    keep = min(keep, (1 + state.step) / (10 + state.step))
    averages, current = state.average.state_dict(), state.model.state_dict()
    for name, value in current.items():
        if value.is_floating_point():
            averages[name].lerp_(value, 1 - keep)
        else:
            averages[name].copy_(value)


def _copy_of(model: nn.Module) -> nn.Module:
    """A model of its own, in evaluation mode."""
    try:
        copy = deepcopy(model)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"the model cannot be copied, so it cannot be trained without being changed: {reason}"
        ) from error
    _set_mode(copy, training=False)
    return copy


def _set_mode(model: nn.Module, training: bool) -> None:
    """Set the mode of every module; `train()` is refused by exported programs."""
    for module in model.modules():
        module.training = training


def _due(before: State, after: State, every: float) -> bool:
    """Whether so many seconds of training went by since a checkpoint, or would have."""
    return every <= 0 or before.seconds // every < after.seconds // every


def _fitted(state: State) -> Fitted:
    model = state.average
    model.load_state_dict(state.weights)
    _set_mode(model, training=False)
    return Fitted(model.requires_grad_(False), state.curve, state.best, state.losses, state.reason)


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Let the caller's random numbers be as they were."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        yield
