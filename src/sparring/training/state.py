"""Where a training stands, in memory and on disk.

A model at step n depends on the step before and on n alone: all randomness is drawn by counter. So what is kept here is
all that going on needs, and a training that was killed ends with the same weights, bit for bit on the CPU.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from sparring.errors import DataError, OtherRunError
from sparring.models.files.weights import read_restricted
from sparring.storage.files import replacing
from sparring.training.copying import copied
from sparring.training.recipe import Recipe

__all__ = ["Checkpoint", "Epoch", "State", "epochs_in", "fresh"]


@dataclass(frozen=True)
class Epoch:
    """What was measured at the end of an epoch.

    Args:
        loss: Mean over the samples, each as it was when the model learned from it; None before training.
        clean: Accuracy on held-out samples; None without any.
        robust: Robust accuracy on them; None if it was not measured.
        seconds: Spent on training since the beginning, without measuring.
    """

    loss: float | None
    clean: float | None
    robust: float | None
    seconds: float

    @property
    def score(self) -> float | None:
        """What the best epoch is chosen by."""
        return self.clean if self.robust is None else self.robust


@dataclass(frozen=True)
class State:
    """A training after `step` updates. Nets and optimiser change in place.

    Args:
        model: Learns.
        average: Running average of its weights; the model itself if nothing is averaged.
        optimiser: Of the model.
        losses: Of each sample in each epoch, `(epochs, N)`; NaN where none is known yet.
        curve: The model before training, then an entry per epoch that is over.
        best: Which entry scored best; the last one where nothing is held out.
        weights: Those of the best.
        step: Updates made.
        seconds: Spent on them.
        remedied: Epoch after which the recipe's remedy became the objective.
        reason: Why the training cannot go on.
    """

    model: nn.Module
    average: nn.Module
    optimiser: Optimizer
    losses: Tensor
    curve: tuple[Epoch, ...] = ()
    best: int = 0
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    step: int = 0
    seconds: float = 0.0
    remedied: int | None = None
    reason: str | None = None


def fresh(model: nn.Module, recipe: Recipe, samples: int) -> State:
    """A training of `model` that has not begun; if none of its parameters asks for gradients, all do."""
    if not any(each.requires_grad for each in model.parameters()):
        model.requires_grad_(True)
    average = model if recipe.averaging is None else copied(model).requires_grad_(False)
    losses = torch.full((recipe.epochs, samples), torch.nan)
    return State(model, average, recipe.optimiser(model.parameters()), losses)


@dataclass(frozen=True)
class Checkpoint:
    """A file that a training is kept in.

    Args:
        path: Of the file.
        digest: Of everything that the weights depend on.
        rank: Of this process; the first one writes.
    """

    path: Path
    digest: str
    rank: int = 0

    def save(self, state: State) -> None:
        """Write the state, whole or not at all.

        Raises:
            DataError: The disk is full, or the folder cannot be written.
        """
        if self.rank:
            return
        content = io.BytesIO()
        torch.save({"digest": self.digest, **_stored(state)}, content)
        with replacing(self.path) as temporary:
            temporary.write_bytes(content.getbuffer())

    def restored(self, state: State) -> State:
        """What the file holds, put into a fresh state; the fresh state itself if there is no file.

        Raises:
            OtherRunError: It belongs to a training of another model, or with other samples, settings or seed.
            DataError: It is no checkpoint of a training.
        """
        if not self.path.exists():
            return state
        stored = _read(self.path)
        if stored["digest"] != self.digest:
            raise OtherRunError(
                f"{self.path} belongs to a training of another model, or with other samples, settings or seed; "
                "repeat the command it began with, or name another place"
            )
        state.model.load_state_dict(stored["model"])
        if state.average is not state.model:
            state.average.load_state_dict(stored["average"])
        state.optimiser.load_state_dict(stored["optimiser"])
        curve = tuple(Epoch(**each) for each in stored["curve"])
        return replace(state, curve=curve, **{name: stored[name] for name in _PLAIN})


def epochs_in(path: Path) -> int | None:
    """How many epochs the training in a checkpoint has; None if there is no checkpoint."""
    return len(_read(path)["losses"]) if path.exists() else None


def _read(path: Path) -> Mapping[str, Any]:
    """The content of a checkpoint."""
    stored = read_restricted(io.BytesIO(path.read_bytes()), path.name)
    if not isinstance(stored, Mapping) or "digest" not in stored:
        raise DataError(f"{path} is no checkpoint of a training; remove it, or name another place")
    return stored


_PLAIN = ("losses", "best", "weights", "step", "seconds", "remedied", "reason")


def _stored(state: State) -> dict[str, Any]:
    """Tensors and plain values only, which a restricted reader takes."""
    return {
        "model": state.model.state_dict(),
        "average": None if state.average is state.model else state.average.state_dict(),
        "optimiser": state.optimiser.state_dict(),
        "curve": [asdict(each) for each in state.curve],
        **{name: getattr(state, name) for name in _PLAIN},
    }
