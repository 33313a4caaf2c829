"""Run folders: what an audit found, on disk, whole or not at all.

Names load what they need when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparring.storage.files import replacing
    from sparring.storage.pieces import Pieces
    from sparring.storage.run import Run, load_run, save_run
    from sparring.storage.schema import result_schema
    from sparring.storage.tables import ATTEMPTS, RECORDS, attempts_table, records_table

__all__ = [
    "ATTEMPTS",
    "RECORDS",
    "Pieces",
    "Run",
    "attempts_table",
    "load_run",
    "records_table",
    "replacing",
    "result_schema",
    "save_run",
]

_HOMES = {
    "files": ("replacing",),
    "pieces": ("Pieces",),
    "run": ("Run", "load_run", "save_run"),
    "schema": ("result_schema",),
    "tables": ("ATTEMPTS", "RECORDS", "attempts_table", "records_table"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"sparring.storage.{home}"), name)
    raise AttributeError(f"module 'sparring.storage' has no attribute {name!r}")
