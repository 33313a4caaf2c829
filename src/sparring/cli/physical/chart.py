"""`sparring physical chart`: the page that `calibrate` reads."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sparring.cli.physical.options import Page

__all__ = ["chart"]


def chart(
    out: Annotated[Path, typer.Option(help="the PDF")] = Path("chart.pdf"),
    page: Page = "a4",
) -> int:
    """Write a page with 11 greys and 216 colours. Print it at 100 %, scan or photograph it, then calibrate."""
    from sparring.physical import write_chart

    write_chart(out, page)
    sys.stdout.write(f"{out}\n")
    return 0
