"""`sparring physical sheet`: put a run on paper, in true millimetres."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sparring.cli.physical.options import Page, PrintFolder

__all__ = ["sheet"]


def sheet(
    run: PrintFolder = Path("runs/physical"),
    page: Page = "a4",
    objects: Annotated[int | None, typer.Option(help="only the first N objects", min=1)] = None,
    arms: Annotated[
        str | None,
        typer.Option(help="only these, with commas between: none, patch, grey, random, …; default all"),
    ] = None,
    tiles: Annotated[
        str | None,
        typer.Option(help="a smaller page: also cut each sheet into pieces that it can take, to be joined"),
    ] = None,
) -> int:
    """Write `sheet-1.pdf`, `sheet-1.png`, … into a run's folder, and print their paths.

    Every page has fiducials that tie it to the run, a colour chart, a scale bar and crop marks. Print at 100 %, then
    scan the pages or photograph each, all four corners in the picture, and score the photos.
    """
    from sparring.physical import load_print_run, write_sheets

    chosen = tuple(each.strip() for each in (arms or "").split(",") if each.strip())
    _, paths = write_sheets(load_print_run(run), run, page, objects, chosen, tiles)
    for path in paths:
        sys.stdout.write(f"{path}\n")
    return 0
