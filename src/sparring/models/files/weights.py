"""Weights files: safetensors, which are raw tensors, and `.pth`, read by torch's restricted unpickler."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.errors import ModelError, UnsafeFileError
from sparring.models.digest import sha256_of

__all__ = ["fill", "read_restricted", "read_weights"]

# Older restricted unpicklers can be made to corrupt memory (CVE-2025-32434, CVE-2026-24747).
SAFE_SINCE = (2, 10)
WRAPPERS = ("state_dict", "model_state_dict", "model", "net")


def read_weights(path: Path, allow_unsafe_sha256: str | None = None) -> dict[str, Tensor]:
    """Read the tensors of a `.safetensors`, `.pth` or `.pt` file.

    Args:
        path: The file.
        allow_unsafe_sha256: SHA-256 of a `.pth` file that may run code when it is read.

    Raises:
        ModelError: If the file is missing, damaged, or holds no tensors by name.
        UnsafeFileError: If reading it could run code, and its SHA-256 was not named.
    """
    if not path.is_file():
        raise ModelError(f'there is no weights file "{path}"')
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    if path.suffix not in (".pth", ".pt"):
        raise ModelError(f'"{path.name}" is not a kind of weights that is known: .safetensors, .pth, .pt')
    if allow_unsafe_sha256 is not None and sha256_of(path) == allow_unsafe_sha256:
        return _state(torch.load(path, map_location="cpu", weights_only=False), path)
    return _state(read_restricted(BytesIO(path.read_bytes()), path.name), path)


def read_restricted(data: BytesIO, name: str) -> Any:
    """Read what `torch.save` wrote, but tensors and plain containers only.

    Raises:
        ModelError: If it is damaged.
        UnsafeFileError: If it holds anything else, or if this torch cannot read it safely.
    """
    if _torch_version() < SAFE_SINCE:
        raise UnsafeFileError(
            f"torch {torch.__version__} does not read {name} safely; install torch 2.10 or newer"
        )
    try:
        return torch.load(data, map_location="cpu", weights_only=True)
    except Exception as error:
        if "weights only" in str(error).lower() or "weights_only" in str(error):
            raise UnsafeFileError(
                f"{name} holds a pickle of more than tensors, which can run code when it is read; "
                "save the weights as safetensors, or name the SHA-256 of the file if you trust it"
            ) from error
        raise ModelError(
            f"{name} cannot be read by torch.load, it is damaged or truncated; save it again"
        ) from error


def fill(module: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Put weights into a module; all names must agree.

    Raises:
        ModelError: If weights are missing, left over or of another shape.
    """
    state = {
        key.removeprefix("module."): value for key, value in state.items()
    }  # as DataParallel writes them
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split()).partition(": ")[2]
        raise ModelError(f"the weights of {name} do not fit the model: {reason[:300]}") from error


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path.name} is no safetensors file, or it is truncated: {error}") from error


def _state(loaded: Any, path: Path) -> dict[str, Tensor]:
    """Find the tensors by name in what a training script saved."""
    for key in WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
    if isinstance(loaded, nn.Module):
        loaded = loaded.state_dict()
    if not isinstance(loaded, Mapping) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise ModelError(f"{path.name} holds no tensors by name; save model.state_dict()")
    return dict(loaded)


def _torch_version() -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
