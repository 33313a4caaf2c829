"""What the index says of a run folder, read from the folder: the folder is the truth, the index a summary of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparring.storage.names import NAMES_FILE, names_in
from sparring.storage.progress import PLAN, RESULT, number_of
from sparring.storage.schema import fault, result_schema

__all__ = ["Entry", "entry_of", "folders_below", "stamp_of"]


@dataclass(frozen=True)
class Entry:
    """A run in a line.

    Args:
        folder: Relative to the folder of the runs.
        stamp: Changes when a file changes that this was read from.
        number: Counts the runs of a folder as they begin, whatever the clock says.
        date: When the run ended, empty if it did not.
        verdict: As in `result.json`; `unfinished` without one, `unreadable` if it makes no sense.
        fault: Why it is unreadable.
        names: What the folder claims to be called, and the turn of each claim.
    """

    folder: str
    stamp: str
    number: int = 0
    date: str = ""
    verdict: str = "unfinished"
    model: str = ""
    threat: str = ""
    suite: str = ""
    samples: int | None = None
    clean_correct: int | None = None
    robust: int | None = None
    seconds: float | None = None
    fault: str | None = None
    names: tuple[tuple[str, int], ...] = ()


def folders_below(runs: Path) -> Iterator[Path]:
    """Every run folder in `runs`, and in folders in it that group runs, in order."""
    for folder in sorted(_inside(runs)):
        if _is_run(folder):
            yield folder
        else:
            yield from (inner for inner in sorted(_inside(folder)) if _is_run(inner))


def stamp_of(folder: Path) -> str:
    """Size and time of each file that an entry is read from."""
    return " ".join(_stamp(folder / name) for name in (RESULT, PLAN, NAMES_FILE))


def entry_of(runs: Path, folder: Path) -> Entry:
    """Read the summary of a run folder; a folder that makes no sense gets an entry that says so."""
    named: dict[str, Any] = {
        "folder": folder.relative_to(runs).as_posix(),
        "stamp": stamp_of(folder),
        "number": number_of(folder),
        "names": tuple(names_in(folder).items()),
    }
    try:
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Entry(**named)
    except (OSError, ValueError):
        return Entry(**named, verdict="unreadable", fault=f"{RESULT} cannot be read as JSON")
    if problem := _foreign(result) or fault(result, result_schema()):
        return Entry(**named, verdict="unreadable", fault=f"{RESULT}: {problem}")
    return Entry(
        **named,
        **{
            name: result[name]
            for name in ("date", "verdict", "samples", "clean_correct", "robust", "seconds")
        },
        model=str(result["model"]["name"]),
        threat=result["threat"]["text"],
        suite=result["suite"]["name"],
    )


def _foreign(result: Any) -> str | None:
    """Why this is no result of ours, if it is none."""
    version = result.get("schema_version") if isinstance(result, dict) else None
    if not isinstance(version, str):
        return "it has no schema_version"
    return None if version.split(".")[0] == "1" else f"it has schema_version {version}, newer than 1.x"


def _inside(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")]
    except OSError:
        return []


def _is_run(folder: Path) -> bool:
    return (folder / RESULT).is_file() or (folder / PLAN).is_file()


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "-"
    return f"{found.st_size}@{found.st_mtime_ns}"
