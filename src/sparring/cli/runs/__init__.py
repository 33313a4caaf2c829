"""`sparring runs`: what can be done with runs that are there already."""

import typer

from sparring.cli.runs.export import export

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Runs that are there already.")
app.command()(export)
