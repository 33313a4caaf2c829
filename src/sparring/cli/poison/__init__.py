"""`sparring poison`: attacks on training data, and their discovery."""

from __future__ import annotations

import typer

from sparring.cli.poison.certify import certify
from sparring.cli.poison.inspect import inspect
from sparring.cli.poison.power import power
from sparring.cli.poison.repair import repair
from sparring.cli.poison.run import run
from sparring.cli.poison.scan import scan
from sparring.cli.poison.undo import undo

__all__ = ["poison"]

poison = typer.Typer(
    no_args_is_help=True,
    help="Poison training data on purpose, look for poison, find out what a look would miss, and repair what was hit.",
)
poison.command()(run)
poison.command()(scan)
poison.command()(inspect)
poison.command()(power)
poison.command()(repair)
poison.command()(certify)
poison.command()(undo)
