"""Poisoned data as a file that any trainer reads, with the sidecar that takes the poison back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from sparring.data import Samples, load_data
from sparring.domain import GREY_LEVEL
from sparring.errors import UsageError
from sparring.poison.making.planting import Provenance
from sparring.poison.sidecar import save_provenance
from sparring.storage import replacing

__all__ = ["sidecar_of", "write_poisoned", "write_samples"]


def sidecar_of(path: Path) -> Path:
    """Where the provenance of a poisoned file lies: beside it."""
    return path.with_name(f"{path.stem}.provenance.safetensors")


def write_samples(samples: Samples, path: Path) -> None:
    """Write `samples` as `.npz`: `x` (8-bit images as uint8) and `y`.

    Raises:
        UsageError: The file has another ending.
        DataError: It cannot be written.
    """
    if path.suffix != ".npz":
        raise UsageError(f"samples are written as .npz, not as {path.name}")
    inputs = samples.inputs.numpy()
    eight_bit = samples.domain.step == GREY_LEVEL
    stored = np.rint(inputs * 255).astype(np.uint8) if eight_bit else inputs
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, x=stored, y=samples.labels.numpy())


def write_poisoned(samples: Samples, provenance: Provenance, path: Path) -> Path:
    """Write poisoned samples by `write_samples`, and the sidecar beside them.

    Returns:
        The sidecar's path; `load_provenance` reads it, and `undo` takes the poison out of the loaded file again.

    Raises:
        UsageError: The file has another ending.
        DataError: It cannot be written.
    """
    write_samples(samples, path)
    digest = load_data(path, domain=None if samples.domain.is_image else samples.domain).digest
    sidecar = sidecar_of(path)
    save_provenance(replace(provenance, after=digest), sidecar)
    return sidecar
