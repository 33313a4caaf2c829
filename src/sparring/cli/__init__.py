"""Words to functions: the command line. Commands load what they need when they run, so that help is instant."""

from __future__ import annotations

import os
import sys

import typer

from sparring.cli.detect import detect
from sparring.cli.failures import exit_code
from sparring.cli.memory import keep_memory
from sparring.cli.physical import physical
from sparring.cli.poison import poison
from sparring.cli.run_audit import audit
from sparring.cli.run_compare import compare
from sparring.cli.run_demo import demo
from sparring.cli.run_doctor import doctor
from sparring.cli.run_gate import gate
from sparring.cli.run_init import init
from sparring.cli.run_report import report
from sparring.cli.run_train import train
from sparring.cli.run_transfer import transfer
from sparring.cli.runs import runs

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def sparring() -> None:
    """Find out how a machine-learning model breaks under attack, and prove it.

    Exit codes: 0 pass or measured, 1 fail, 2 usage or unreadable input, 3 inconclusive, 4 invalid, 5 incomplete,
    70 a fault of ours, 130 interrupted.
    """


app.command()(audit)
app.command()(compare)
app.command()(demo)
app.command()(doctor)
app.command()(gate)
app.command()(init)
app.command()(report)
app.command()(train)
app.command()(transfer)
app.add_typer(detect, name="detect")
app.add_typer(physical, name="physical")
app.add_typer(poison, name="poison")
app.add_typer(runs, name="runs")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    # Threads that wait by spinning cost more than they help on small nets; torch reads this when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_memory()
    sys.exit(exit_code(app))
