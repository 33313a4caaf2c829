"""Trained models in files that an audit reads again."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from sparring.errors import ModelError
from sparring.models.batches import AnyBatch
from sparring.storage.files import replacing

__all__ = ["save_program", "save_weights"]


def save_weights(module: nn.Module, path: Path) -> None:
    """Write weights and buffers as safetensors.

    Raises:
        DataError: The disk is full, or the folder cannot be written.
    """
    from safetensors.torch import save

    tensors = {name: each.detach().cpu().contiguous().clone() for name, each in module.state_dict().items()}
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors))


def save_program(module: nn.Module, inputs: Tensor, path: Path) -> None:
    """Write a model with its code as `.pt2`, for batches of any size; `inputs` are a few samples.

    Raises:
        ModelError: It cannot be exported.
        DataError: The disk is full, or the folder cannot be written.
    """
    batch = {0: torch.export.Dim("batch", min=1)}
    device = next(module.parameters()).device
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own deprecations while it exports
            program = torch.export.export(_whole(module), (inputs[:2].to(device),), dynamic_shapes=(batch,))
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"the trained model cannot be exported as a program: {reason}") from error
    with replacing(path) as temporary, temporary.open("wb") as file:
        torch.export.save(program, file)


def _whole(module: nn.Module) -> nn.Module:
    """The module without what cuts batches for a program of few batch sizes: the copy takes any."""
    if isinstance(module, AnyBatch):
        return module.module
    return nn.Sequential(*map(_whole, module)) if isinstance(module, nn.Sequential) else module
