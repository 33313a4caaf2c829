"""Simulated captures of a run's sheets: the PDF as pixels, through the independent renderer, saved as JPEG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sparring.errors import DataError
from sparring.physical.paper.pdf import rasterised
from sparring.physical.runs.print_run import PrintRun
from sparring.physical.runs.printing_run import dpi_of
from sparring.physical.runs.rendering import render
from sparring.physical.scene.scenario import Scenario
from sparring.storage import replacing

__all__ = ["rehearse_run"]


def rehearse_run(
    run: PrintRun,
    folder: Path,
    scenario: Scenario,
    photos: int = 1,
    seed: int = 0,
    rasterise: Callable[[Path, float], Any] = rasterised,
    progress: Callable[[int], Any] = lambda done: None,
) -> list[Path]:
    """Photograph every sheet of a run `photos` times, as a user would, but by calculation.

    The files carry the mark `Sparring simulated capture`, so that nobody takes them for photos.

    Args:
        run: With sheets, in its folder.
        folder: For the JPEG files; made if it is missing.
        scenario: What they are photographed under.
        photos: Of each sheet.
        seed: Of all draws.
        rasterise: Turns a PDF into pixels at a resolution; PDFium unless told otherwise.
        progress: Told after every photo.

    Raises:
        DataError: The run has no sheets, or `folder` cannot be written.
    """
    if not run.sheets or run.folder is None:
        raise DataError("this run has no sheets yet; write them with: sparring physical sheet")
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for sheet in run.sheets:
        dpi = dpi_of(sheet)
        page = rasterise(run.folder / f"sheet-{sheet.id.number + 1}.pdf", dpi)
        draw = scenario.draw([f"sheet {sheet.id} photo {photo}" for photo in range(photos)], seed)
        for photo in range(photos):
            values = {name: float(each[photo]) for name, each in draw.items()}
            capture = render(page, (sheet.width, sheet.height), values, seed + len(paths), 25.4 / dpi)
            paths.append(folder / f"simulated-{sheet.id.number + 1}-{photo + 1}.jpg")
            with replacing(paths[-1]) as path:
                path.write_bytes(capture.jpeg)
            progress(len(paths))
    return paths
