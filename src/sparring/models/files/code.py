"""`code.py:factory`: the architecture from the user's code, and weights from a file if one is given."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sparring.errors import ModelError
from sparring.factories import call, load_object
from sparring.models.digest import joined, sha256_of
from sparring.models.files.estimators import is_estimator, load_estimator
from sparring.models.files.weights import fill, read_weights
from sparring.models.loaded import Loaded

__all__ = ["load_code"]


def load_code(
    reference: str,
    weights: Path | None = None,
    device: torch.device | None = None,
    allow_unsafe_sha256: str | None = None,
) -> Loaded:
    """Call a factory, or take the module that the name stands for, and fill in the weights.

    Raises:
        UsageError: If the code cannot be found or fails.
        ModelError: If it gives no model, or the weights do not fit.
        UnsafeFileError: If reading the weights could run code, and their SHA-256 was not named.
    """
    found = load_object(reference)
    model = found if isinstance(found, nn.Module) else call(found, reference)
    if is_estimator(model):
        return load_estimator(model, sha256_of(Path(reference.rpartition(":")[0])))
    if not callable(model):
        raise ModelError(f"{reference} gives an object of type {type(model).__name__}, which is no model")
    files = [Path(reference.rpartition(":")[0])]
    if weights is not None:
        if not isinstance(model, nn.Module):
            raise ModelError(
                f"{reference} gives no torch.nn.Module, so it cannot take the weights of {weights.name}"
            )
        fill(model, read_weights(weights, allow_unsafe_sha256), weights.name)
        files.append(weights)
    if device is not None and isinstance(model, nn.Module):
        model = model.to(device)
    return Loaded(model, joined(*map(sha256_of, files)))
