"""Models on their way into a training, and trained ones on their way out, into files that an audit reads again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from sparring.data import Samples
from sparring.errors import ModelError
from sparring.factories import is_reference
from sparring.hardening.saving import save_program, save_weights
from sparring.models import Model, load_model
from sparring.models.first_look import look
from sparring.training import small_net

__all__ = ["Saved", "saved", "trainable"]


@dataclass(frozen=True)
class Saved:
    """A trained model, read again from where it lies.

    Args:
        model: As an audit gets it.
        file: Its name in the folder: weights, or a whole program.
    """

    model: Model
    file: str


def trainable(source: Any, samples: Samples, seed: int) -> Model:
    """A model whose weights can be trained; without a source, a small net.

    Raises:
        ModelError: It is no module of torch, or does not answer with logits for these labels.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # of the weights that a factory draws: the same when the training goes on
        loaded = load_model(small_net(samples, seed) if source is None else source)
    if not isinstance(loaded.function, nn.Module) or not loaded.gradients:
        raise ModelError(
            f"{loaded.name} has no weights that can be trained; give code.py:factory, a .pt2 program or a torch module"
        )
    return look(loaded, samples.inputs, samples.labels)


def saved(given: Model, trained: Model, samples: Samples, folder: Path) -> Saved:
    """Write a trained model into a folder, in the form in which the given one came, and read it again.

    A factory's weights become `weights.safetensors`, for the same factory; anything else becomes the program
    `model.pt2`, normalisation included, or weights if it cannot be exported.

    Raises:
        DataError: The disk is full, or the folder cannot be written.
    """
    function, recipe = cast("nn.Sequential", trained.function), given.recipe or {}
    if is_reference(recipe.get("source")):
        own = (
            function if recipe.get("mean") is None else function[1]
        )  # behind the normalisation that we put there
        save_weights(own, folder / "weights.safetensors")
        return Saved(
            load_model(**{**recipe, "weights": folder / "weights.safetensors"}), "weights.safetensors"
        )
    try:
        save_program(function, samples.inputs, folder / "model.pt2")
    except ModelError:  # hours of training are not lost over it: whoever has the code can fill in the weights
        save_weights(function, folder / "weights.safetensors")
        return Saved(given.having(function=function), "weights.safetensors")
    again = load_model(folder / "model.pt2", outputs=given.outputs, device=recipe.get("device"))
    return Saved(again.having(name=given.name), "model.pt2")
