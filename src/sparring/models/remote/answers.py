"""The answers of a target, written down before they are used: a query that was paid is not sent again.

A process that asks the same rows in the same order, as an audit does that goes on after a kill, is answered from the
file until that ends. The k-th answer about a row answers the k-th question about it, so targets that answer at random
are replayed, too. A courier of its own (`courier.py`) sends and writes, and outlives an audit that is killed.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from torch import Tensor

from sparring.errors import DataError
from sparring.models.remote.wire import Refused

__all__ = ["Answers", "lines_of", "opened_answers", "row_keys"]

LONGEST = 90
"""Seconds to wait for a courier of an earlier try: longer than a target may take to answer."""


@dataclass(frozen=True)
class Answers:
    """The answers of earlier tries, and how often each row was asked about in this one.

    Args:
        path: The file.
        kept: For each row the answers about it, in order.
        asked: How often it was asked about, by this process.
    """

    path: Path
    kept: dict[str, list[Any]]
    asked: Counter[str] = field(default_factory=Counter)

    def following(self, key: str) -> Any:
        """The next answer about a row; None if it has to be asked about."""
        place = self.asked[key]
        self.asked[key] += 1
        kept = self.kept.get(key, ())
        return kept[place] if place < len(kept) else None


def opened_answers(path: Path, resume: bool, read: Any) -> Answers:
    """The answers in a file, once no courier of an earlier try writes any more; none if the audit begins anew.

    Args:
        path: The file; it is made.
        resume: Whether answers that are there may be used.
        read: Turns an answer about so many rows into one per row.

    Raises:
        DataError: The file cannot be written, or somebody else writes it.
    """
    kept: dict[str, list[Any]] = defaultdict(list)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            _wait_for(file, path)
            if not resume:
                file.truncate(0)
            file.seek(0)
            for keys, answer in lines_of(file.read()):
                rows = [answer] if isinstance(answer, Refused) else read(answer, len(keys))
                for key, row in zip(keys, rows, strict=True):
                    kept[key].append(row)
    except OSError as error:
        raise DataError(f"answers cannot be kept in {path}: {error.strerror or error}") from error
    return Answers(path, kept)


def _wait_for(file: IO[bytes], path: Path) -> None:
    """Wait until no courier of an earlier try writes any more."""
    for _ in range(LONGEST * 10):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.1)
    raise DataError(
        f"another process audits this target and keeps its answers in {path}; wait until it has ended"
    )


def lines_of(content: bytes) -> list[tuple[list[str], Any]]:
    """The rows and the answer of every line that is whole; `Refused` where the target took the row not."""
    found = []
    for line in content.split(b"\n"):
        try:
            said = json.loads(line)
        except ValueError:  # cut off by a crash of the machine
            continue
        found.append((said["rows"], Refused(said["refused"]) if "refused" in said else said["answer"]))
    return found


def row_keys(inputs: Tensor) -> Sequence[str]:
    """A name for each row `(N, *shape)`: its content."""
    rows = inputs.detach().cpu().contiguous().numpy()
    return [sha256(row.tobytes()).hexdigest()[:32] for row in rows]
