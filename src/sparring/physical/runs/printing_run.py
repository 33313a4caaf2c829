"""A run's sheets as files: one PDF and one PNG per page."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from sparring.errors import UsageError, nearest
from sparring.physical.paper.pdf import rasterised, write_pdf, write_tiles
from sparring.physical.paper.sheet import Sheet
from sparring.physical.paper.tiling import tiles_of
from sparring.physical.runs.print_run import PrintRun, save_print_run
from sparring.storage import replacing

__all__ = ["dpi_of", "write_sheets"]

LARGE = 300.0
"""Width in mm from which a sheet is drawn with half as many pixels per inch."""


def write_sheets(
    run: PrintRun,
    folder: Path,
    page: str = "a4",
    objects: int | None = None,
    arms: tuple[str, ...] = (),
    tiles: str | None = None,
) -> tuple[PrintRun, list[Path]]:
    """Write `sheet-1.pdf`, `sheet-1.png`, … into the run folder, and note there what was printed.

    Args:
        run: What `make_print_run` returned, or a loaded one.
        folder: The run folder.
        page: a5, a4, a3, a2, a1 or letter.
        objects: How many of the objects; all without.
        arms: Which of the arms; all without.
        tiles: A smaller page, to write `sheet-1-tiles.pdf` too: pieces of the sheet that are printed on it and joined.

    Raises:
        UsageError: An arm or the page is unknown, a picture does not fit on it, or the run threw light and has nothing
            to print.
    """
    if run.facts["main"] not in ("patch", "perturbed"):
        raise UsageError(f"this run threw a {run.facts['main']} on objects; nothing of it is printed")
    for arm in arms:
        if arm not in run.arms:
            raise UsageError(f"this run has no arm {arm!r}; {nearest(arm, run.arms)}")
    count = len(run.names) if objects is None else min(objects, len(run.names))
    run = run.having(printed={"page": page, "objects": count, "arms": list(arms or run.arms)})
    pictures = [run.picture(each) for each in run.prints]
    sheets = run.sheets
    pieces = [() if tiles is None else tiles_of(sheet, tiles) for sheet in sheets]
    run, paths = save_print_run(run, folder), []
    for sheet, parts in zip(sheets, pieces, strict=True):
        pdf = folder / f"sheet-{sheet.id.number + 1}.pdf"
        title = (
            f"Page {sheet.id.number + 1} of {len(sheets)}: pictures of {run.placement.side:g} mm, "
            f"for {run.facts['model']['name']}, scenario {run.facts['scenario']['name']}"
        )
        with replacing(pdf) as path:
            write_pdf(path, sheet, pictures, title)
        with replacing(pdf.with_suffix(".png")) as path:
            dpi = dpi_of(sheet)
            Image.fromarray(rasterised(pdf, dpi)).save(path, "PNG", dpi=(dpi, dpi))
        paths += [pdf, pdf.with_suffix(".png")]
        if parts:
            paths.append(pdf.with_stem(f"{pdf.stem}-tiles"))
            with replacing(paths[-1]) as path:
                write_tiles(path, sheet, pictures, title, parts)
    return run, paths


def dpi_of(sheet: Sheet) -> int:
    """Pixels per inch when a sheet is made a picture."""
    return 300 if sheet.width < LARGE else 150
