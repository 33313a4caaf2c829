"""A run: what one audit found, and the folder it is kept in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from sparring.errors import DataError
from sparring.storage import tables
from sparring.storage.audit_log import seal, unseal
from sparring.storage.card import card
from sparring.storage.files import replacing
from sparring.storage.pieces import Pieces, write_tensors
from sparring.storage.schema import fault, result_schema
from sparring.storage.sums import SUMS, sums_of

__all__ = ["Run", "load_run", "save_run"]

RESULT, RECORDS, ATTEMPTS = "result.json", "records.parquet", "attempts.parquet"
TENSORS = "adversarial.safetensors"


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """What one audit found.

    Attributes:
        result: What `result.json` holds; its JSON Schema is `result_schema()`.
        records: A row per sample.
        attempts: A row per sample, stage, aim and start.
        tensors: `index` (K,) int64 and `adversarial` (K, *shape) float32 of the broken samples; for the
            pictures of the report `gallery_index` (G,), `gallery_inputs`, `gallery_adversarial` (G, *shape);
            for 8-bit images, of those that also break by whole grey levels, `grid_index` (S,), `grid_adversarial`
            (S, *shape) uint8, `grid_distance` and `grid_prediction` (S,).
        pieces: Of a run that is not written yet, tensors that nobody holds: they are among `tensors` afterwards.
        folder: Where it was saved to or loaded from.
    """

    result: dict[str, Any]
    records: pa.Table
    attempts: pa.Table
    tensors: dict[str, Tensor] = field(default_factory=dict)
    pieces: dict[str, Pieces] = field(default_factory=dict)
    folder: Path | None = None

    def whole(self) -> "Run":
        """The same run with all of its tensors in memory."""
        tensors = self.tensors | {name: each.whole() for name, each in self.pieces.items()}
        return replace(self, tensors=tensors, pieces={})

    @property
    def verdict(self) -> str:
        """One of measured, pass, fail, inconclusive, invalid, incomplete."""
        return str(self.result["verdict"])

    @property
    def samples(self) -> int:
        """How many samples were audited."""
        return int(self.result["samples"])

    @property
    def clean_accuracy(self) -> float:
        """The share of all samples that the model classifies correctly as they are."""
        return int(self.result["clean_correct"]) / max(self.samples, 1)

    @property
    def robust_accuracy(self) -> float:
        """The share of all samples that withstood everything that was tried: an upper bound."""
        return float(self.result["robust_accuracy"])

    def __repr__(self) -> str:
        threat, suite = self.result["threat"]["text"], self.result["suite"]["name"]
        robust = f"{self.result['robust']} of {self.samples} robust ({self.robust_accuracy:.1%})"
        return f"<Run {self.verdict}: {robust} under {threat}, suite {suite}>"

    def _repr_html_(self) -> str:
        return card(self.result)


def save_run(run: Run, folder: str | Path) -> Run:
    """Write the files of `run`, each whole or not at all; `result.json` comes last and seals the run.

    `SHA256SUMS` has the digests of tables and tensors, as `sha256sum --check` reads them.

    Returns:
        The same run, knowing its folder; its tensors are read from there when they are used.

    Raises:
        DataError: The run contradicts itself, or the folder cannot be written.
    """
    folder = Path(folder)
    tensors = run.tensors | run.pieces
    _check(run.result, run.records, tensors, "this run")
    try:
        text = json.dumps(run.result, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"the result cannot be written as JSON: {error}") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unseal(folder)
        (folder / RESULT).unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error.strerror or error}") from error
    with replacing(folder / RECORDS) as path:
        tables.write(run.records, path)
    with replacing(folder / ATTEMPTS) as path:
        tables.write(run.attempts, path)
    with replacing(folder / TENSORS) as path:
        write_tensors(tensors, path)
    with replacing(folder / SUMS) as path:
        path.write_text(sums_of(folder, (RECORDS, ATTEMPTS, TENSORS)), encoding="utf-8")
    with replacing(folder / RESULT) as path:
        path.write_text(text + "\n", encoding="utf-8")
    seal(folder)
    return replace(run, tensors=_load_tensors(folder / TENSORS), pieces={}, folder=folder)


def load_run(folder: str | Path) -> Run:
    """Read a run folder.

    Raises:
        DataError: The folder is missing, holds no whole run, or holds another program's files.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; a run is the folder that an audit wrote")
    result = _load_result(folder / RESULT)
    records, attempts = tables.read(folder / RECORDS), tables.read(folder / ATTEMPTS)
    tensors = _load_tensors(folder / TENSORS)
    _check(result, records, tensors, str(folder))
    return Run(result, records, attempts, tensors, folder=folder)


def _load_result(path: Path) -> dict[str, Any]:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing: the folder holds no whole run") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as JSON; it is truncated or another kind of file") from error
    version = result.get("schema_version") if isinstance(result, dict) else None
    if not isinstance(version, str):
        raise DataError(f"{path} has no schema_version; it was not written by an audit")
    if version.split(".")[0] != "1":
        raise DataError(f"{path} has schema_version {version}, this Sparring reads 1.x; install a newer one")
    return result


def _load_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: the folder holds no whole run") from None
    except (SafetensorError, OSError) as error:
        raise DataError(
            f"{path} cannot be read as safetensors; it is truncated or another kind of file"
        ) from error


def _check(
    result: dict[str, Any], records: pa.Table, tensors: Mapping[str, Tensor | Pieces], where: str
) -> None:
    """Hold the parts against the schema and against each other: files of two runs must not pass for one."""
    if problem := fault(result, result_schema()):
        raise DataError(f"{where}: {RESULT}: {problem}")
    if result["samples"] != records.num_rows:
        raise DataError(
            f"{where}: {RESULT} counts {result['samples']} samples, {RECORDS} has {records.num_rows}"
        )
    robust = sum(status in tables.STANDING for status in records["status"].to_pylist())
    if result["robust"] != robust:
        raise DataError(f"{where}: {RESULT} counts {result['robust']} robust samples, {RECORDS} has {robust}")
    pairs = (
        ("index", "adversarial"),
        ("gallery_index", "gallery_inputs"),
        ("grid_index", "grid_adversarial"),
    )
    for index, rows in pairs:
        sizes = {tensors.get(name, torch.empty(0)).shape[0] for name in (index, rows)}
        if len(sizes) > 1:
            raise DataError(f"{where}: {TENSORS}: {index} and {rows} have different lengths")
