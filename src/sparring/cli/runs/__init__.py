"""`sparring runs`: what was audited before."""

from __future__ import annotations

import typer

from sparring.cli.runs.diff import diff
from sparring.cli.runs.export import export
from sparring.cli.runs.list import list_runs
from sparring.cli.runs.name import name, unname
from sparring.cli.runs.prune import prune
from sparring.cli.runs.show import show
from sparring.cli.runs.verify import verify

__all__ = ["runs"]

runs = typer.Typer(
    no_args_is_help=True,
    help="List, show, compare, check and clear earlier runs. A RUN is a folder, a name, or the beginning of a folder's "
    "name.",
)
runs.command("list")(list_runs)
runs.command()(show)
runs.command()(diff)
runs.command()(verify)
runs.command()(export)
runs.command()(name)
runs.command()(unname)
runs.command()(prune)
