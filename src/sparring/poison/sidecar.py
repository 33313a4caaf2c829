"""A provenance beside the poisoned data, in one file that can hold no code."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from sparring.errors import DataError
from sparring.poison.making.planting import Provenance
from sparring.storage import replacing

__all__ = ["load_provenance", "save_provenance"]

TENSORS = ("places", "poisoned", "inputs", "labels")


def save_provenance(provenance: Provenance, path: Path) -> None:
    """Write the sidecar, whole or not at all: tensors, and the words in its header."""
    words = {name: getattr(provenance, name) for name in ("name", "rate", "before", "after", "ids")}
    tensors = {name: getattr(provenance, name).contiguous() for name in TENSORS}
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, {"provenance": json.dumps(words)}))


def load_provenance(path: Path) -> Provenance:
    """Read a sidecar.

    Raises:
        DataError: The file is missing or no sidecar.
    """
    try:
        with safe_open(path, framework="pt") as file:
            words = json.loads((file.metadata() or {})["provenance"])
            tensors = {name: file.get_tensor(name) for name in TENSORS}
            return Provenance(**{**words, "ids": tuple(words["ids"])}, **tensors)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise DataError(f'"{path}" is no sidecar of a poisoned data set, or it is damaged') from error
