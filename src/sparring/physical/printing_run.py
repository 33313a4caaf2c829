"""A run's sheets as files: one PDF and one PNG per page."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from sparring.errors import UsageError, nearest
from sparring.physical.pdf import rasterised, write_pdf
from sparring.physical.print_run import PrintRun, save_print_run
from sparring.storage import replacing

__all__ = ["DPI", "write_sheets"]

DPI = 300


def write_sheets(
    run: PrintRun, folder: Path, page: str = "a4", objects: int | None = None, arms: tuple[str, ...] = ()
) -> tuple[PrintRun, list[Path]]:
    """Write `sheet-1.pdf`, `sheet-1.png`, … into the run folder, and note there what was printed.

    Args:
        run: What `make_print_run` returned, or a loaded one.
        folder: The run folder.
        page: a4, a3, a5 or letter.
        objects: How many of the objects; all without.
        arms: Which of the arms; all without.

    Raises:
        UsageError: An arm or the page is unknown, or a picture does not fit on it.
    """
    for arm in arms:
        if arm not in run.arms:
            raise UsageError(f"this run has no arm {arm!r}; {nearest(arm, run.arms)}")
    count = len(run.names) if objects is None else min(objects, len(run.names))
    run = run.having(printed={"page": page, "objects": count, "arms": list(arms or run.arms)})
    pictures = [run.picture(each) for each in run.prints]
    sheets = run.sheets
    run, paths = save_print_run(run, folder), []
    for sheet in sheets:
        pdf = folder / f"sheet-{sheet.id.number + 1}.pdf"
        title = (
            f"Page {sheet.id.number + 1} of {len(sheets)}: pictures of {run.placement.side:g} mm, "
            f"for {run.facts['model']['name']}, scenario {run.facts['scenario']['name']}"
        )
        with replacing(pdf) as path:
            write_pdf(path, sheet, pictures, title)
        with replacing(pdf.with_suffix(".png")) as path:
            Image.fromarray(rasterised(pdf, DPI)).save(path, "PNG", dpi=(DPI, DPI))
        paths += [pdf, pdf.with_suffix(".png")]
    return run, paths
