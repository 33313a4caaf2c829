"""What remedies leave of a backdoor, and what no poison can change.

    .venv/bin/python bench/repairing.py mnist|unlearnable|certify|attack [runs]

Prints tables of docs/poisoning.md. A seed of `mnist` takes 4 minutes of one core, of `unlearnable` 2.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from clean_label import cifar, mnist, wide_net
from torch import Tensor

from sparring.data import Samples
from sparring.data.ids import name_samples
from sparring.data.pack import pack
from sparring.poison import Remedied, Settings, drawn, repair
from sparring.poison.certified import Certified, certify, partitions, plurality, run_off
from sparring.poison.making.victim import SHORT
from sparring.poison.outlines import outlines

CELLS = (
    *(("badnets", rate) for rate in (0.005, 0.01, 0.05)),
    *(("blended", rate) for rate in (0.005, 0.01, 0.05)),
    ("warp", 0.05),
    ("wave", 0.05),
    ("clean-label", 0.05),
)
REMEDIES = ("relabel", "i-bau", "fine-pruning")


def remedies(runs: int) -> None:
    """Before and after on seed `runs`: 4,000 training samples, 40 trusted ones (1%)."""
    samples, trusted, test = mnist(0, 4000), mnist(20_000, 40), mnist(0, 2000, "test")
    for kind, rate in CELLS:
        spec = drawn(kind, samples, rate, runs % 10, runs)
        tried = repair(samples, test, trusted, spec, REMEDIES, Settings(seed=runs))
        print(f"{kind} {rate:.3f} seed {runs}: success/clean of {_told(tried)}", flush=True)


def availability(runs: int) -> None:
    """Before and after on seed `runs` where every sample is poisoned: digits, and photos with three convolutions."""
    wide = Settings(make=wide_net, recipe=replace(SHORT, epochs=6), seed=runs)
    for name, samples, trusted, test, settings in (
        ("MNIST", mnist(0, 4000), mnist(20_000, 40), mnist(0, 2000, "test"), Settings(seed=runs)),
        ("CIFAR-10", cifar(0, 3000), cifar(20_000, 100), cifar(40_000, 1000), wide),
    ):
        spec = drawn("unlearnable", samples, 1.0, 0, runs, settings.make, settings.recipe)
        tried = repair(samples, test, trusted, spec, ("compress", "fine-pruning"), settings)
        print(f"{name} seed {runs}: success/clean of {_told(tried)}", flush=True)


def _told(tried: Sequence[Remedied]) -> str:
    return ", ".join(
        f"{each.remedy} {each.answers.success.value:.3f}/{each.answers.clean.value:.3f}" for each in tried
    )


def certified(runs: int) -> None:
    """Ridge regressions on 50 MNIST images each, 1,200 and 4,800 of them, and the first `runs` test images."""
    train, test = mnist(0, 60_000), mnist(0, runs, "test")
    for spread in (1, 4):
        elections: dict[str, list[Certified]] = {"plurality": [], "run_off": []}

        def both(scores: Tensor, reach: Tensor, kept: dict[str, list[Certified]] = elections) -> Certified:
            kept["plurality"].append(plurality(scores, reach))
            kept["run_off"].append(run_off(scores, reach))
            return kept["run_off"][-1]

        certify(train, test, 1200, both, spread)
        for name, pieces in elections.items():
            whole = Certified(
                torch.cat([each.answers for each in pieces]), torch.cat([each.radius for each in pieces])
            )
            cells = (
                f"{count}: {whole.accuracy(test.labels, count):.3f}" for count in (0, 50, 100, 200, 400, 500)
            )
            print(
                f"{name}, spread {spread}:", ", ".join(cells), f"median {whole.radius.median()}", flush=True
            )


def attacked(runs: int) -> None:
    """Poison made against one answer each: copies of the test image with the label of the runner-up, in other parts."""
    train, test = mnist(0, 6000), mnist(0, 400, "test")
    for spread, aggregate in ((1, plurality), (1, run_off), (2, run_off)):
        found_now = certify(train, test, 120, aggregate, spread)
        rows = [row for row in range(400) if 5 <= int(found_now.radius[row]) <= 30][:runs]
        held, fell = 0, []
        for row in rows:
            radius, answer = int(found_now.radius[row]), found_now.answers[row]
            for share in (1.0, 1.25, 1.5, 2.0):
                poisoned = _with_copies(train, test, row, round(share * radius), 120 * spread)
                changed = bool(
                    certify(poisoned, test.select([row]), 120, aggregate, spread).answers[0] != answer
                )
                held += share == 1 and not changed
                if changed:
                    fell.append(share)
                    break
        print(
            f"{aggregate.__name__}, spread {spread}: {held} of {len(rows)} answers hold at their radius; changed by "
            + ", ".join(f"{share} of it {fell.count(share)}" for share in (1.25, 1.5, 2.0)),
            flush=True,
        )


def _with_copies(train: Samples, test: Samples, row: int, count: int, parts: int) -> Samples:
    """`train` and `count` nearly equal copies of a test image, with the best other label, each in a part of its own."""
    draws, taken, copies = np.random.default_rng(row), set(), []
    image = (test.inputs[row] * 255).round().byte().numpy()
    while len(copies) < count:
        copy = np.clip(image + draws.integers(0, 2, image.shape), 0, 255).astype(np.uint8)
        part = int(partitions(name_samples(copy), parts)[0])
        if part not in taken:
            taken.add(part)
            copies.append(copy)
    near = (outlines(train.inputs) - outlines(test.inputs[row][None])).square().sum(1).argsort()[:100]
    label = train.labels[near].bincount(minlength=10).index_fill(0, test.labels[row], -1).argmax()
    stored = (train.inputs * 255).round().byte().numpy()
    inputs = np.concatenate([stored, np.stack(copies)])[
        :, 0
    ]  # as MNIST is stored: a name depends on the shape
    return pack(inputs, np.concatenate([train.labels.numpy(), np.full(count, int(label))]), source="poisoned")


PARTS: dict[str, tuple[Callable[[int], None], int]] = {
    "mnist": (remedies, 0),
    "unlearnable": (availability, 0),
    "certify": (certified, 1000),
    "attack": (attacked, 25),
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    part, default = PARTS[sys.argv[1]]
    part(int(sys.argv[2]) if len(sys.argv) > 2 else default)
