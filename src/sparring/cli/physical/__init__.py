"""`sparring physical`: attacks on paper, and the way back from the camera."""

from __future__ import annotations

import typer

from sparring.cli.physical.calibrate import calibrate
from sparring.cli.physical.certify import certify
from sparring.cli.physical.chart import chart
from sparring.cli.physical.light import light
from sparring.cli.physical.patch import patch
from sparring.cli.physical.perturb import perturb
from sparring.cli.physical.rehearse import rehearse
from sparring.cli.physical.score import score
from sparring.cli.physical.sheet import sheet

__all__ = ["physical"]

physical = typer.Typer(
    no_args_is_help=True,
    help="Attacks on paper: train a patch through printer, light and camera, print it, score photos of it.",
)
physical.command()(patch)
physical.command()(perturb)
physical.command()(light)
physical.command()(sheet)
physical.command()(rehearse)
physical.command()(score)
physical.command()(chart)
physical.command()(calibrate)
physical.command()(certify)
