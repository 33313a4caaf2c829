"""`sparring detect`: detectors of adversarial inputs, fitted, asked, and attacked."""

from __future__ import annotations

import typer

from sparring.cli.detect.evaluate import evaluate
from sparring.cli.detect.fit import fit
from sparring.cli.detect.score import score

__all__ = ["detect"]

detect = typer.Typer(
    no_args_is_help=True,
    help="Fit a detector of adversarial inputs on clean ones, ask it, and attack it by those who know it.",
)
detect.command()(fit)
detect.command()(score)
detect.command()(evaluate)
