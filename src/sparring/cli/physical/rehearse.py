"""`sparring physical rehearse`: photos of a run's sheets by calculation, for practice and for a first figure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sparring.cli.physical.options import PrintFolder, Seed

__all__ = ["rehearse"]


def rehearse(
    run: PrintFolder = Path("runs/physical"),
    scenario: Annotated[
        str | None, typer.Option(help="as in `sparring physical patch`; default that of the run")
    ] = None,
    photos: Annotated[int, typer.Option(help="of each sheet", min=1)] = 1,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="folder for the JPEG files; default RUN/simulated")] = None,
) -> int:
    """Render photos of the printed sheets with a second, independent camera model, and print their paths.

    The files are marked as simulated, and reports never call them anything else. Score them like photos:

        sparring physical rehearse runs/physical && sparring physical score runs/physical runs/physical/simulated/*.jpg
    """
    from sparring.cli.progress import counting
    from sparring.physical import load_print_run, load_scenario, rehearse_run

    found = load_print_run(run)
    where = found.scenario if scenario is None else load_scenario(scenario)
    with counting() as tell:
        paths = rehearse_run(
            found, out or run / "simulated", where, photos, seed,
            progress=lambda done: tell("rendering photos", done, photos * len(found.sheets)),
        )  # fmt: skip
    for path in paths:
        sys.stdout.write(f"{path}\n")
    return 0
