"""Making room: shards of finished runs, and old runs. Never a run that has a name, or that is being written."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sparring.errors import DataError, UsageError
from sparring.storage.claim import claimed, is_claimed
from sparring.storage.index import Entry
from sparring.storage.progress import is_finished

__all__ = ["Removal", "age_of", "prunable", "removed"]

_AGE = re.compile(r"(\d{1,5})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}
_LEFT_OVER = ".pruned-"
"""How a folder is called while it is removed; what a kill leaves of it goes the next time."""


@dataclass(frozen=True)
class Removal:
    """A folder that would be removed, how large it is, and what it is: a whole run, or shards of one."""

    folder: Path
    size: int
    what: str


def age_of(text: str) -> timedelta:
    """An age such as `30d`, `12h`, `8w`.

    Raises:
        UsageError: It is none.
    """
    if (found := _AGE.fullmatch(text.strip())) is None:
        raise UsageError(f'"{text}" is no age; write it in hours, days or weeks, as 12h, 30d or 8w')
    return timedelta(hours=int(found[1]) * _HOURS[found[2]])


def prunable(
    runs: Path, entries: Sequence[Entry], keep: int | None = None, before: datetime | None = None
) -> list[Removal]:
    """What can go.

    Args:
        runs: The folder with the run folders.
        entries: Its index, newest first.
        keep: Whole runs go beyond the newest so many.
        before: Whole runs go that ended before this time. With both, those that both let go.
    """
    old = {entry.folder for entry in entries[keep or 0 :] if keep is not None or before is not None}
    if before is not None:
        old &= {entry.folder for entry in entries if _ended_before(entry, before)}
    free = [entry for entry in entries if not is_claimed(runs / entry.folder)]
    whole = [runs / entry.folder for entry in free if entry.folder in old and not entry.names]
    shards = [runs / entry.folder / "shards" for entry in free if is_finished(runs / entry.folder)]
    left_over = runs.glob(f"{_LEFT_OVER}*") if runs.is_dir() else ()
    return [
        *(Removal(folder, _size(folder), "run") for folder in whole),
        *(
            Removal(each, _size(each), "shards")
            for each in shards
            if each.is_dir() and each.parent not in whole
        ),
        *(Removal(folder, _size(folder), "left over") for folder in left_over),
    ]


def removed(runs: Path, removals: Iterable[Removal]) -> int:
    """Remove folders, each at one stroke for whoever looks; returns how many bytes that freed.

    Raises:
        DataError: A folder cannot be removed.
        UsageError: A run began to be written meanwhile.
    """
    return sum(_gone(runs, removal) for removal in removals)


def _gone(runs: Path, removal: Removal) -> int:
    folder, size = removal.folder, removal.size
    try:
        if removal.what == "left over":
            shutil.rmtree(folder)
            return size
        with claimed(folder if removal.what == "run" else folder.parent):
            aside = folder.rename(runs / f"{_LEFT_OVER}{folder.parent.name}-{folder.name}")
            shutil.rmtree(aside)
    except OSError as error:
        raise DataError(f"{folder} cannot be removed: {error.strerror or error}") from error
    return size


def _ended_before(entry: Entry, before: datetime) -> bool:
    """Whether a run ended before a time; one that does not say when is kept."""
    try:
        return datetime.fromisoformat(entry.date) < before
    except (ValueError, TypeError):
        return False


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
