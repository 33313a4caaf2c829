"""The runs of a folder, and finding one of them by what a user calls it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from difflib import get_close_matches
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from sparring.errors import DataError, UsageError
from sparring.storage.index.entries import Entry
from sparring.storage.index.store import opened_store, said, sqlite_url
from sparring.storage.index.sync import up_to_date
from sparring.storage.names import check_name, with_name, without_name

__all__ = ["INDEX", "catalogue", "found_run", "give_name", "owner_of"]

INDEX = "index.sqlite"


def catalogue(runs: str | Path, store: str | None = None) -> list[Entry]:
    """All runs in a folder, newest first.

    The index is brought up to date on the way. Our own file that is broken is put aside and made anew; where none
    can be written, the index lives in memory.

    Args:
        runs: The folder with the run folders; it need not exist.
        store: URL of a database; without, `index.sqlite` in the folder.

    Raises:
        DataError: The database that was named cannot be used.
        UsageError: The store is no URL, or another program's file.
    """
    runs = Path(runs)
    if store is not None:
        return _listed(opened_store(store), runs)
    if not runs.is_dir():
        return []
    _aside_if_broken(runs / INDEX)
    try:
        return _listed(opened_store(sqlite_url(runs / INDEX)), runs)
    except DataError as error:
        if not isinstance(error.__cause__, DBAPIError):
            raise
        return _listed(opened_store("sqlite://"), runs)  # a folder that is read-only, a disk that is full


def found_run(given: str | Path, runs: str | Path = "runs", store: str | None = None) -> Path:
    """The run folder that a user means: a path, a name, or the beginning of a folder's name that fits no other.

    Raises:
        UsageError: Nothing fits, or more than one.
        DataError: As for `catalogue`.
    """
    if Path(given).is_dir():
        return Path(given)
    word, entries = str(given), catalogue(runs, store)
    if owner := owner_of(entries, word):
        return Path(runs) / owner.folder
    fits = [entry.folder for entry in entries if entry.folder.startswith(word)]
    if len(fits) == 1 or word in fits:
        return Path(runs) / (word if word in fits else fits[0])
    if fits:
        raise UsageError(
            f'"{word}" begins {len(fits)} run folders in {runs}: {", ".join(fits[:4])}; say more of it'
        )
    known = [entry.folder for entry in entries] + [name for entry in entries for name, _ in entry.names]
    close = get_close_matches(word, known, n=1)
    meant = f'did you mean "{close[0]}"?' if close else "see: sparring runs list"
    raise UsageError(f"{word} is not a folder, and nothing in {runs} is called so; {meant}")


def owner_of(entries: list[Entry], name: str) -> Entry | None:
    """The run that a name stands for.

    Raises:
        UsageError: Two folders claim it equally, as after one was copied.
    """
    claims = sorted(
        ((turn, entry.folder, entry) for entry in entries for each, turn in entry.names if each == name)
    )
    if len(claims) > 1 and claims[-1][0] == claims[-2][0]:
        raise UsageError(
            f'"{name}" is claimed by {claims[-2][1]} and {claims[-1][1]}; say which: sparring runs name RUN {name}'
        )
    return claims[-1][2] if claims else None


def give_name(runs: Path, folder: Path, name: str, entries: list[Entry]) -> None:
    """Let a name stand for a run, and for no other.

    Raises:
        DataError: A folder cannot be written.
        UsageError: The name cannot be one, or is that of a folder.
    """
    check_name(name)
    if any(entry.folder == name for entry in entries):
        raise UsageError(f'"{name}" is the name of a run folder in {runs}; choose another name')
    claims = [(turn, entry.folder) for entry in entries for each, turn in entry.names if each == name]
    with_name(folder, name, 1 + max((turn for turn, _ in claims), default=0))
    for _, other in claims:
        if (runs / other).resolve() != folder.resolve():
            without_name(runs / other, name)


def _aside_if_broken(index: Path) -> None:
    """Rename a file that is no database, or a damaged one; it will be made anew."""
    try:
        with closing(sqlite3.connect(f"{index.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            whole = connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
    except sqlite3.DatabaseError as error:
        whole = error.sqlite_errorcode not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
    if not whole:
        with suppress(OSError):
            index.replace(index.with_name(f"{index.name}.broken"))


def _listed(store: Engine, runs: Path) -> list[Entry]:
    try:
        return up_to_date(store, runs)
    except DBAPIError as error:
        raise DataError(said(store, error)) from error
    finally:
        store.dispose()
