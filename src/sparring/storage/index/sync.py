"""Bringing the index up to date with the run folders: by whoever reads it, never by an audit."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, insert, select

from sparring.storage.index.entries import Entry, entry_of, folders_below, stamp_of
from sparring.storage.index.schema import NAMES, RUNS

__all__ = ["up_to_date"]


def up_to_date(store: Engine, runs: Path) -> list[Entry]:
    """Read what changed in the folders since the last time, write it down, and return the whole index, newest first."""
    root = str(runs.resolve())
    with store.begin() as connection:
        known = _known(connection, root)
        there = {folder.relative_to(runs).as_posix(): folder for folder in folders_below(runs)}
        fresh = [
            entry_of(runs, folder)
            for name, folder in there.items()
            if name not in known or known[name].stamp != stamp_of(folder)
        ]
        _forget(connection, root, [*(known.keys() - there.keys()), *(entry.folder for entry in fresh)])
        for entry in fresh:
            _enter(connection, root, entry)
    entries = {name: entry for name, entry in known.items() if name in there}
    entries |= {entry.folder: entry for entry in fresh}
    return sorted(entries.values(), key=lambda entry: (entry.number, entry.date, entry.folder), reverse=True)


def _known(connection: Connection, root: str) -> dict[str, Entry]:
    claims: dict[str, tuple[tuple[str, int], ...]] = {}
    for row in connection.execute(select(NAMES).where(NAMES.c.root == root)):
        claims[row.folder] = (*claims.get(row.folder, ()), (row.name, row.turn))
    rows = connection.execute(select(RUNS).where(RUNS.c.root == root)).mappings()
    values = [{name: value for name, value in row.items() if name != "root"} for row in rows]
    return {row["folder"]: Entry(**row, names=claims.get(row["folder"], ())) for row in values}


def _forget(connection: Connection, root: str, folders: list[str]) -> None:
    for folder in folders:
        for table in (RUNS, NAMES):
            connection.execute(delete(table).where((table.c.root == root) & (table.c.folder == folder)))


def _enter(connection: Connection, root: str, entry: Entry) -> None:
    row = {name: value for name, value in asdict(entry).items() if name != "names"}
    connection.execute(insert(RUNS).values(root=root, **row))
    for name, turn in entry.names:
        connection.execute(insert(NAMES).values(root=root, folder=entry.folder, name=name, turn=turn))
