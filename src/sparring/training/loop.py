"""The one training loop: plain, adversarial, on poisoned data.

Each update is a function of the state, the seed and its number alone. So the same call gives the same weights, bit for
bit on one device and version of torch, also if it was killed in between and went on from a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from sparring.data import Samples
from sparring.errors import Interrupted
from sparring.storage.interrupts import undisturbed
from sparring.training.copying import copied
from sparring.training.course import Course
from sparring.training.epochs import measured
from sparring.training.processes import Team, team
from sparring.training.progress import Fitted, Progress
from sparring.training.recipe import Recipe
from sparring.training.robust.inner import set_mode
from sparring.training.setup import Setup
from sparring.training.state import Checkpoint, State, fresh
from sparring.training.update import last_loss, updated

__all__ = ["fit"]


def fit(
    model: nn.Module,
    samples: Samples,
    recipe: Recipe | None = None,
    *,
    validation: Samples | None = None,
    extra: Samples | None = None,
    setup: Setup | None = None,
    checkpoint: Path | None = None,
    every: float = 60.0,
    progress: Callable[[Progress], None] | None = None,
    seed: int = 0,
) -> Fitted:
    """Train a copy of `model`; the model itself is left as it is.

    Parameters that ask for gradients learn; if none does, all learn. Started by `torchrun`, with a process group made,
    all processes train one model.

    Args:
        model: Inputs in the range of the data to logits `(B, C)`; normalisation is inside.
        samples: Learned from.
        recipe: How; a short plain training without.
        validation: Held-out samples; the epoch that does best on them is kept.
        extra: More samples of the same kind, generated ones say; `recipe.extra` says how many are mixed in.
        setup: How it is computed.
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
    course = Course(samples, recipe or Recipe(), seed, validation, extra)
    setup, mates = setup or Setup(), team()
    learner = setup.placed(copied(model))
    set_mode(learner, training=False)
    course.check(learner)
    file = None if checkpoint is None else Checkpoint(checkpoint, course.digest(learner, setup), mates.rank)
    state = fresh(learner, course.recipe, len(samples))
    state = state if file is None else file.restored(state)
    mates.wait()
    with _own_randomness(), torch.enable_grad():
        while not _over(state, course.recipe):
            before, state = state, _advanced(state, course, setup, mates, file)
            if file is not None and _due(before, state, every):
                file.save(state)
            if progress is not None:
                loss = last_loss(state, course)
                progress(Progress(state.step, course.steps, loss, state.seconds, state.curve))
    if file is not None:
        file.save(state)
    return _fitted(state)


def _over(state: State, recipe: Recipe) -> bool:
    """Whether all epochs are done, nothing gets better any more, or something is wrong."""
    waited = len(state.curve) - 1 - state.best
    tired = recipe.patience is not None and waited >= recipe.patience
    return tired or state.reason is not None or len(state.curve) > recipe.epochs


def _advanced(state: State, course: Course, setup: Setup, mates: Team, file: Checkpoint | None) -> State:
    """The state after the next measurement or update; an interrupt waits for it and is written down."""
    after = None
    try:
        with undisturbed():
            due = len(state.curve) <= state.step // course.updates
            after = measured(state, course) if due else updated(state, course, setup, mates)
    except KeyboardInterrupt:
        if file is not None and after is not None:
            file.save(after)
        raise Interrupted("the training was stopped; --resume goes on from its checkpoint") from None
    return after


def _due(before: State, after: State, every: float) -> bool:
    """Whether so many seconds of training went by since a checkpoint, or would have."""
    return every <= 0 or before.seconds // every < after.seconds // every


def _fitted(state: State) -> Fitted:
    model = state.average
    model.load_state_dict(state.weights)
    set_mode(model, training=False)
    model.requires_grad_(False)
    return Fitted(model, state.curve, state.best, state.losses, state.remedied, state.reason)


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Let the caller's random numbers be as they were."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        yield
