"""`sparring runs name`: a name for a run, such as the baseline of a branch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sparring.cli.options import StoreUrl
from sparring.cli.runs.options import RunsFolder, RunWord

__all__ = ["name", "unname"]

NameWord = Annotated[str, typer.Argument(help="letters, digits, dot, dash, underscore; begins with a letter")]


def name(run: RunWord, name: NameWord, runs: RunsFolder = Path("runs"), store: StoreUrl = None) -> int:
    """Give a run a name; it loses the run that it stood for before, and its run is never pruned.

    sparring runs name 20261123 main && sparring audit --baseline main --max-drop 0.02
    """  # fmt: skip
    from sparring.errors import UsageError
    from sparring.storage.index import catalogue, found_run, give_name

    folder = found_run(run, runs, store)
    if not folder.resolve().is_relative_to(runs.resolve()):
        raise UsageError(
            f"{folder} is not in {runs}, where names are looked for; give its folder with --runs"
        )
    give_name(runs, folder, name, catalogue(runs, store))
    sys.stdout.write(f"{name} is {folder}\n")
    return 0


def unname(name: NameWord, runs: RunsFolder = Path("runs"), store: StoreUrl = None) -> int:
    """Take a name from its run; the run stays."""
    from sparring.errors import UsageError
    from sparring.storage.index import catalogue
    from sparring.storage.names import without_name

    claims = [entry for entry in catalogue(runs, store) if name in dict(entry.names)]
    if not claims:
        raise UsageError(f'no run in {runs} is called "{name}"; see: sparring runs list')
    for entry in claims:
        without_name(runs / entry.folder, name)
    sys.stdout.write(f"{name} is no run any more\n")
    return 0
