"""`sparring runs prune`: room on the disk."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparring.cli.options import StoreUrl
from sparring.cli.runs.options import RunsFolder

if TYPE_CHECKING:
    from datetime import datetime

    from sparring.storage.pruning import Removal

__all__ = ["prune"]


def prune(
    older_than: Annotated[
        str | None, typer.Option(help="also whole runs that ended so long ago: 12h, 30d, 8w")
    ] = None,
    keep: Annotated[int | None, typer.Option(help="also whole runs beyond the newest N", min=0)] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show what would go, and remove nothing")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    runs: RunsFolder = Path("runs"),
    store: StoreUrl = None,
) -> int:
    """Remove the shards of finished runs, which nothing needs but --resume, and old runs if you say which.

    A run that has a name stays, and so does one that is being written.
    """
    from sparring.storage.index import catalogue
    from sparring.storage.pruning import prunable, removed

    found = prunable(runs, catalogue(runs, store), keep, _before(older_than))
    for removal in found:
        sys.stdout.write(f"{_size(removal.size):>9}  {removal.what:<9}  {removal.folder}\n")
    if not found or dry_run:
        sys.stdout.write(f"nothing is removed{'' if found else ': there is nothing to remove'}\n")
        return 0
    if not yes and not _agreed(found):
        sys.stdout.write("nothing is removed\n")
        return 0
    sys.stdout.write(f"{_size(removed(runs, found))} freed\n")
    catalogue(runs, store)  # forgets what is gone
    return 0


def _before(older_than: str | None) -> datetime | None:
    from datetime import UTC, datetime

    from sparring.storage.pruning import age_of

    return None if older_than is None else datetime.now(UTC) - age_of(older_than)


def _agreed(found: list[Removal]) -> bool:
    """Ask; where nobody can answer, say how to go without."""
    from sparring.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(
            "nobody is there to be asked before removing; give --yes, or --dry-run to see what would go"
        )
    whole = sum(removal.what == "run" for removal in found)
    return typer.confirm(f"Remove {whole} whole runs and the shards of {len(found) - whole} others?")


def _size(size: int) -> str:
    return f"{size / 2**20:,.1f} MB"
