"""A patch that hides traffic signs from a detector, on screen and on simulated paper: average precision at every level.

    .venv/bin/python bench/hidden_signs.py --out runs/bench-physical

The detector and the scenes are in `_detector.py`. A sign with the patch is printed, photographed and cut out, as in
`physical.py levels`, and stands in scenes that neither detector nor patch has seen. Nothing here is physical: all of
it is calculated.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from _detector import detector, scenes
from _signs import signs
from physical import PLACEMENT, captured, lit
from torch import Tensor

from sparring.data import Samples, load_data
from sparring.models import load_model
from sparring.physical import (
    Detections,
    InScenes,
    PatchAttack,
    PrintRun,
    Setting,
    load_scenario,
    make_print_run,
)
from sparring.physical.attacks.detections import area, judged
from sparring.physical.extras import opencv
from sparring.physical.runs.levels import Trial, seen_at
from sparring.physical.scene.placement import place_patch

REPEATS = 200
"""Resamples of the signs."""


def main() -> None:
    """Train, print, score; average precision of every arm at every level."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--scenario", default="scanner")
    options.add_argument("--steps", type=int, default=200, help="of each patch; 200")
    options.add_argument("--objects", type=int, default=20, help="signs that are judged and printed; 20")
    options.add_argument("--out", type=Path, default=Path("runs/bench-physical"))
    chosen = options.parse_args()
    torch.set_num_threads(1)
    opencv().setNumThreads(1)
    began = time.process_time()
    net = detector(chosen.out)
    model = InScenes(net, *scenes(4, 1, learn=True))
    print(f"detector ready after {time.process_time() - began:.0f} s of CPU", flush=True)
    learn, judge = (whole("train_2614").sample(400), whole("test_2000").sample(chosen.objects))
    setting = Setting(PLACEMENT, load_scenario(chosen.scenario), target=0, photos=2)
    run = make_print_run(load_model(model), learn, judge, setting, PatchAttack(chosen.steps, 16))
    print(
        f"{len(run.names)} signs, patch trained on {run.facts['trained_on']}; success: hidden in the known scenes"
    )
    run = captured(run, model, chosen.out / f"hidden-{chosen.scenario}", chosen)
    unseen = InScenes(net, *scenes(4, 2, learn=False))
    for level in range(5):
        for arm in run.arms:
            low, middle, high = precision(unseen, pictures_at(run, level, arm))
            print(
                f"  level {level}  {arm:12} average precision {middle:.2f} ({low:.2f}-{high:.2f})", flush=True
            )
    print(f"{time.process_time() - began:.0f} s of CPU")


def whole(part: str) -> Samples:
    """Signs of all classes that are not too dark to be printed, labelled 1: to be found."""
    inputs = lit(signs(part, 16)).inputs
    return load_data((inputs, torch.ones(len(inputs), dtype=torch.long)))


def pictures_at(run: PrintRun, level: int, arm: str) -> Tensor:
    """What is seen of each sign with an arm, `(N, 3, 32, 32)`."""
    if level == 4:
        assert run.captured is not None
        return run.captured[[row for row, each in enumerate(run.facts["captures"]) if each["arm"] == arm]]
    size = run.facts["size"]
    trial = Trial(
        lambda inputs: inputs, size, run.inputs, run.labels, run.names, run.arms, run.placement, run.scenario, 0,
        run.envelope["seed"],
    )  # fmt: skip
    pictures = place_patch(run.inputs, run.arms[arm], run.placement)
    with torch.no_grad():
        return seen_at(trial, level, pictures, [f"photo 0 of {name}" for name in run.names])


def precision(model: InScenes, pictures: Tensor) -> tuple[float, float, float]:
    """Average precision over all signs in all scenes, between the ends of its 95% interval from resampling signs."""
    with torch.no_grad():
        found = model.found(pictures)
    count = len(model.boxes)
    told: list[list[tuple[float, bool]]] = []
    for row in range(len(pictures) * count):
        one = Detections(*(each[row : row + 1] for each in (found.boxes, found.scores, found.labels)))
        told.append(judged(one, model.boxes[row % count].float()[None], 0))
    signs_told = [
        [pair for each in told[row : row + count] for pair in each] for row in range(0, len(told), count)
    ]
    draws, rows = torch.Generator().manual_seed(0), len(pictures)

    def over(chosen: list[int]) -> float:
        return area([pair for row in chosen for pair in signs_told[row]], count * rows)

    repeats = [over(torch.randint(rows, (rows,), generator=draws).tolist()) for _ in range(REPEATS)]
    low, high = torch.tensor(repeats).quantile(torch.tensor([0.025, 0.975])).tolist()
    return low, over(list(range(rows))), high


if __name__ == "__main__":
    main()
