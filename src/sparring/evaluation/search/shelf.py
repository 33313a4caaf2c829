"""A shelf of finished shards: files from which an audit goes on after it was killed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from sparring.errors import DataError
from sparring.evaluation.ledger import Attempt, Ledger
from sparring.evaluation.outcome import Outcome, Shelved, Storable
from sparring.evaluation.search.shards import on_cpu
from sparring.storage import replacing
from sparring.storage.interrupts import undisturbed
from sparring.verify import Verified

__all__ = ["GO_ON", "Shelf", "levels_in", "points_in"]

POINTS, LEVELS = "ledger.adversarial", "storable.levels"

GO_ON = "; finished shards are kept: mend that, and go on with --resume"
"""How a sentence ends that says why an audit had to stop."""

_ANSWERS = ".answers.jsonl"


@dataclass(frozen=True)
class Shelf:
    """A folder with a file per finished shard, named after everything that decides what is in it.

    Args:
        folder: Which; it is made.
        lasting: Whether it is there when the process is not any more.
    """

    folder: Path
    lasting: bool = True

    def save(self, digest: str, outcome: Outcome) -> Outcome:
        """Put a shard on the shelf, whole or not at all; what is left in memory has its points there.

        Raises:
            DataError: The folder cannot be written.
        """
        tensors, words = _flattened(on_cpu(outcome))
        self._write(self._path(digest), save(tensors, metadata={"words": json.dumps(words)}))
        return replace(outcome.without_points(), shelved=(Shelved(tensors["rows"], self._path(digest)),))

    def save_words(self, digest: str, what: str, words: Mapping[str, Any]) -> None:
        """Put something small on the shelf: what a trial showed, what was chosen.

        Raises:
            DataError: The folder cannot be written.
        """
        self._write(self._words_path(digest, what), json.dumps(words).encode())

    def load_words(self, digest: str, what: str) -> dict[str, Any] | None:
        """The same, if it is on the shelf and whole."""
        try:
            words = json.loads(self._words_path(digest, what).read_bytes())
        except (OSError, ValueError):
            return None
        return words if isinstance(words, dict) else None

    def load(self, digest: str, device: torch.device) -> Outcome | None:
        """The shard without its points, if it is on the shelf and whole."""
        path = self._path(digest)
        try:
            with safe_open(path, "pt", device=str(device)) as file:
                names = set(file.keys()) - {POINTS, LEVELS}
                # copies: what a file shows stays mapped, points included, as long as a tensor needs it
                tensors = {name: file.get_tensor(name).clone() for name in names}
                return _restored(tensors, json.loads(file.metadata()["words"]), path)
        except (OSError, SafetensorError, KeyError, ValueError, TypeError):
            return None

    def has(self, digest: str) -> bool:
        """Whether there is such a shard, whole or not."""
        return self._path(digest).is_file()

    def drop(self, digest: str) -> None:
        """Take a shard off the shelf, if it is there."""
        self._path(digest).unlink(missing_ok=True)

    def answers_path(self, digest: str) -> Path:
        """Where the answers are kept that a target gives about a shard."""
        return self.folder / f"{digest[:32]}{_ANSWERS}"

    def drop_answers(self) -> None:
        """Take all answers of a target off the shelf."""
        for path in self.folder.glob(f"*{_ANSWERS}"):
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Take everything off the shelf, and the shelf away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def cut_short(self) -> Shelf:
        """Another shelf, for what had been found of a shard when the user said stop."""
        return Shelf(self.folder.with_name("cut-short"))

    def _write(self, path: Path, content: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{self.folder} cannot be written: {error.strerror or error}{GO_ON}") from error
        try:
            with undisturbed(), replacing(path) as temporary:
                temporary.write_bytes(content)
        except DataError as error:
            raise DataError(f"{error}{GO_ON}") from error

    def _words_path(self, digest: str, what: str) -> Path:
        return self.folder / f"{digest[:32]}.{what}.json"

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest[:32]}.safetensors"


def points_in(path: Path) -> Tensor:
    """The points in a file on the shelf, `(K, *shape)`, in the order of its `Shelved.rows`.

    Raises:
        DataError: The file is gone or damaged.
    """
    return _tensor_in(path, POINTS)


def levels_in(path: Path) -> Tensor:
    """The images of whole grey levels in a file on the shelf, `(S, *shape)`, in the order of its `Storable.rows`."""
    return _tensor_in(path, LEVELS)


def _tensor_in(path: Path, name: str) -> Tensor:
    try:
        with safe_open(path, "pt") as file:
            found: Tensor = file.get_tensor(name).clone()
            return found
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}, a finished shard, cannot be read any more{GO_ON}") from error


def _flattened(outcome: Outcome) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """All tensors by name, and what is no tensor; points are kept of broken samples only."""
    ledger = replace(outcome.ledger, adversarial=outcome.ledger.adversarial[outcome.rows])
    tensors = {f"ledger.{name}": value for name, value in vars(ledger).items()}
    tensors |= {f"verified.{name}": value for name, value in vars(outcome.verified).items()}
    tensors["rows"] = outcome.rows
    if outcome.storable is not None:
        tensors |= {f"storable.{name}": value for name, value in vars(outcome.storable).items()}
    for number, attempt in enumerate(outcome.attempts):
        values = {name: value for name, value in vars(attempt).items() if isinstance(value, Tensor)}
        tensors |= {f"attempt.{number}.{name}": value for name, value in values.items()}
    turns = [[attempt.stage, attempt.restart] for attempt in outcome.attempts]
    words = {"attempts": turns, "stopped": outcome.stopped, "refusal": outcome.refusal}
    return {name: value.contiguous().clone() for name, value in tensors.items()}, words


def _restored(tensors: dict[str, Tensor], words: dict[str, Any], path: Path) -> Outcome:
    """The outcome that was flattened into a file, without its points."""
    rows = tensors["rows"]
    storable = _below("storable", tensors)
    attempts = [
        Attempt(stage=stage, restart=restart, **{"aim": None, **_below(f"attempt.{number}", tensors)})
        for number, (stage, restart) in enumerate(words["attempts"])
    ]
    return Outcome(
        ledger=Ledger(adversarial=tensors["ledger.clean"][:, :0], **_below("ledger", tensors)),
        attempts=tuple(attempts),
        rows=rows,
        verified=Verified(**_below("verified", tensors)),
        shelved=(Shelved(rows.cpu(), path),),
        stopped=words["stopped"],
        refusal=words["refusal"],
        storable=None
        if not storable
        else Storable(levels=rows.new_empty(len(storable["rows"]), 0).byte(), **storable),
    )


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The tensors whose names begin with a prefix, by the rest of their names."""
    return {
        name.removeprefix(f"{prefix}."): value
        for name, value in tensors.items()
        if name.startswith(f"{prefix}.")
    }
