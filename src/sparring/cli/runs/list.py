"""`sparring runs list`: the runs of a folder, newest first."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparring.cli.options import StoreUrl
from sparring.cli.runs.options import AsJson, RunsFolder

if TYPE_CHECKING:
    from rich.table import Table

    from sparring.storage.index import Entry

__all__ = ["list_runs"]


def list_runs(runs: RunsFolder = Path("runs"), store: StoreUrl = None, as_json: AsJson = False) -> int:
    """List the runs in a folder, newest first."""
    from rich.console import Console

    from sparring.storage.claim import is_claimed
    from sparring.storage.index import catalogue

    entries = catalogue(runs, store)
    lines = [_line(entry, is_claimed(runs / entry.folder)) for entry in entries]
    if as_json:
        sys.stdout.write(json.dumps(lines, indent=2, ensure_ascii=False) + "\n")
    elif lines:
        Console().print(_table(lines))
    else:
        sys.stdout.write(f"there are no runs in {runs}\n")
    return 0


def _line(entry: Entry, running: bool) -> dict[str, Any]:
    """What is said of a run, by the names that `result.json` has for it."""
    fields = (
        "folder",
        "verdict",
        "model",
        "threat",
        "suite",
        "samples",
        "clean_correct",
        "robust",
        "seconds",
        "date",
    )
    said = {name: getattr(entry, name) for name in fields}
    return said | {"names": [name for name, _ in entry.names], "running": running, "fault": entry.fault}


def _table(lines: list[dict[str, Any]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", no_wrap=True)  # to be copied
    for column in ("name", "verdict", "robust", "threat", "suite"):
        table.add_column(column, overflow="fold", justify="right" if column == "robust" else "left")
    for line in lines:
        table.add_row(
            Text(line["folder"]),
            Text(", ".join(line["names"]), style="bold"),
            "running" if line["running"] else line["verdict"],
            "" if line["samples"] is None else f"{line['robust']:,} of {line['samples']:,}",
            Text(line["threat"]),
            Text(line["suite"]),
        )
    return table
