"""Names of runs. A folder says itself what it is called, so that no database is needed to know it.

`names.json` in a run folder maps each name to a turn. A name that is given to another run gets a higher turn there,
and the highest turn wins; so a move that was cut short leaves no name without a run.
"""

from __future__ import annotations

import json
from pathlib import Path

from sparring.errors import UsageError
from sparring.run_names import is_name
from sparring.storage.files import replacing

__all__ = ["NAMES_FILE", "check_name", "names_in", "with_name", "without_name"]

NAMES_FILE = "names.json"


def check_name(name: str) -> None:
    """Refuse what could be mistaken for something else.

    Raises:
        UsageError: The name has other characters than letters, digits, dot, dash and underscore.
    """
    if not is_name(name):
        raise UsageError(
            f'"{name}" cannot name a run; a name begins with a letter and has letters, digits, ".", "-" and "_"'
        )


def names_in(folder: Path) -> dict[str, int]:
    """The names that a folder claims, and the turn of each claim; none if the file makes no sense."""
    try:
        found = json.loads((folder / NAMES_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: turn for name, turn in pairs if is_name(name) and type(turn) is int}


def with_name(folder: Path, name: str, turn: int) -> None:
    """Let a folder claim a name.

    Raises:
        DataError: The folder cannot be written.
    """
    _write(folder, names_in(folder) | {name: turn})


def without_name(folder: Path, name: str) -> None:
    """Let a folder claim a name no more.

    Raises:
        DataError: The folder cannot be written.
    """
    _write(folder, {each: turn for each, turn in names_in(folder).items() if each != name})


def _write(folder: Path, names: dict[str, int]) -> None:
    with replacing(folder / NAMES_FILE) as path:
        path.write_text(json.dumps(names) + "\n", encoding="utf-8")
