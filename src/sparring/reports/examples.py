"""Adversarial examples as files that a person can open, each with a sidecar that says where it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from sparring.errors import DataError
from sparring.models.digest import sha256_of
from sparring.reports.provenance import NOTICE, Example, provenance
from sparring.storage import Run
from sparring.storage.files import appearing

__all__ = ["export_examples"]

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def export_examples(run: Run, folder: str | Path) -> list[Path]:
    """Write every adversarial example of `run` into `folder`, and beside each a `.json` that says where it comes from.

    An image for which whole grey levels were found becomes a PNG of exactly these levels; everything else becomes an
    `.npz` with `adversarial`, the exact float32 values, and `label`. Every file is read again and is the very point
    that was verified. Equal runs give equal bytes.

    Args:
        run: What an audit found.
        folder: Absent or empty; it appears whole or not at all.

    Returns:
        The files, without their sidecars, in the order of the samples.

    Raises:
        DataError: Nothing was broken, an example is missing from the run, or the folder cannot be written.
        UsageError: The folder holds something already.
    """
    folder = Path(folder)
    examples = list(_examples(run))
    if not examples:
        raise DataError("this run broke no sample, so it has no adversarial examples to export")
    with appearing(folder) as temporary:
        for example in examples:
            _write(run, example, temporary)
    return [folder / f"{example.name}.{example.kind}" for example in examples]


def _examples(run: Run) -> Iterator[Example]:
    """Broken samples, each as it can be stored best."""
    exact, grid = _by_index(run, "index", "adversarial"), _by_index(run, "grid_index", "grid_adversarial")
    distances, answers = (
        _by_index(run, "grid_index", "grid_distance"),
        _by_index(run, "grid_index", "grid_prediction"),
    )
    for record in run.records.filter(pc.equal(run.records["status"], "broken")).to_pylist():
        index = record["index"]
        if index in grid and grid[index].ndim == 3 and len(grid[index]) in _MODES:
            yield Example(record, grid[index], "png", float(distances[index]), int(answers[index]))
        elif index in exact:
            yield Example(record, exact[index], "npz", record["distance"], record["adversarial_prediction"])
        else:
            raise DataError(f"the run has no adversarial example for sample {index}, which it calls broken")


def _by_index(run: Run, index: str, name: str) -> dict[int, Tensor]:
    """Rows of a tensor of the run by the position of their samples in the data."""
    if index not in run.tensors or name not in run.tensors:
        return {}
    return dict(zip(run.tensors[index].tolist(), run.tensors[name], strict=True))


def _write(run: Run, example: Example, folder: Path) -> None:
    path = folder / f"{example.name}.{example.kind}"
    read = _png(example, path) if example.kind == "png" else _npz(example, path)
    if not torch.equal(read, example.point):
        raise DataError(f"{path.name} does not read as it was written; the disk may be failing")
    said = json.dumps(provenance(run, example, sha256_of(path)), indent=2, ensure_ascii=False)
    path.with_suffix(".json").write_text(said + "\n", encoding="utf-8")


def _png(example: Example, path: Path) -> Tensor:
    """Write grey levels, and read them again."""
    levels, told = example.point.movedim(0, 2).squeeze(2).numpy(), PngInfo()
    told.add_text("Comment", NOTICE)  # sidecars get lost
    Image.fromarray(np.ascontiguousarray(levels), _MODES[len(example.point)]).save(path, pnginfo=told)
    with Image.open(path) as image:
        read = torch.from_numpy(np.array(image))
    return read.reshape(*levels.shape[:2], -1).movedim(2, 0)


def _npz(example: Example, path: Path) -> Tensor:
    """Write float32 values, and read them again."""
    parts: dict[str, Any] = {"adversarial": example.point.numpy(), "label": np.int64(example.record["label"])}
    np.savez(path, **parts)
    with np.load(path) as read:
        return torch.from_numpy(read["adversarial"])
