"""Poison on MNIST: harm, detectors, false alarms, predicted power.

    .venv/bin/python bench/poisoning.py clean|table|power [runs]

Prints the tables of docs/poisoning.md. `clean` takes 3 minutes of one core, `table` 4, `power` 7.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import torch
from _data import found
from torch import Tensor

from sparring.data import Samples
from sparring.data.pack import pack
from sparring.evaluation.statistics import exact_interval
from sparring.poison import (
    PoisonSpec,
    Settings,
    label_consistent,
    plant,
    scan,
)
from sparring.poison.detection_power import tried
from sparring.poison.kinds import drawn
from sparring.poison.victim import answers_of, trained

KINDS = ("badnets", "blended", "warp", "label-consistent")
OTHERS = ("badnets-all", "source-specific", "adaptive-blend", "clean-label", "wave", "flips")
RATES = (0.005, 0.01, 0.05)
ALLOWED = 0.01
"""False positives at which detectors are compared."""


def mnist(start: int, count: int, split: str = "train") -> Samples:
    """`count` images of a split from `start` on."""
    file = np.load(found("data/mnist/mnist_70000.npz"))
    rows = slice(start, start + count)
    return pack(file[f"x_{split}"][rows], file[f"y_{split}"][rows].astype(np.int64), source="mnist")


def clean(runs: int) -> None:
    """How often clean data raise the alarm: each run has its own 600 samples and 300 trusted ones."""
    whole, alarms, drawn_from = mnist(0, 60_000), 0, torch.Generator().manual_seed(0)
    for run in range(runs):
        rows = torch.randperm(len(whole), generator=drawn_from)[:900]
        found_now = scan(whole.select(rows[:600]), whole.select(rows[600:]), Settings(seed=run))
        alarms += found_now.verdict == "fail"
        if run % 20 == 19:
            print(f"{alarms} of {run + 1} clean data sets", exact_interval(alarms, run + 1), flush=True)


def table(runs: int) -> None:
    """Harm, and what each detector sees: 3,000 training samples, 1,500 trusted ones."""
    samples, trusted, test = mnist(0, 3000), mnist(20_000, 1500), mnist(0, 2000, "test")
    print(
        f"kind rate seed: clean, success | alarm p, TPR, FPR of the scan | TPR at {ALLOWED:.0%} FPR by detector"
    )
    for seed in range(runs):
        _row("control", 0.0, seed, samples, samples, trusted, test, None)
    first = [(kind, rate, 0) for kind in KINDS for rate in RATES] + [(kind, 0.02, 0) for kind in OTHERS]
    for kind, rate, seed in first + [(*cell[:2], seed) for seed in range(1, runs) for cell in first[:12]]:
        spec = _spec(kind, samples, rate, seed)
        poisoned, note = plant(samples, spec)
        _row(kind, rate, seed, poisoned, samples, trusted, test, (spec, note.mask(len(samples))))


def _spec(kind: str, samples: Samples, rate: float, seed: int) -> PoisonSpec:
    if kind != "label-consistent":
        return drawn(kind, samples.domain, rate, seed % 10, seed)
    trigger = drawn("badnets", samples.domain, rate, seed % 10, seed).trigger
    return label_consistent(samples, trained(samples, seed=seed), trigger, seed % 10, rate, seed=seed)


def _row(
    kind: str,
    rate: float,
    seed: int,
    poisoned: Samples,
    samples: Samples,
    trusted: Samples,
    test: Samples,
    planted: tuple[PoisonSpec, Tensor] | None,
) -> None:
    result = scan(poisoned, trusted, Settings(seed=seed))
    model = result.evidence.model
    spec, mask = planted or (
        drawn("badnets", samples.domain, 0.01, seed % 10, seed),
        torch.zeros(len(samples)).bool(),
    )
    answers = answers_of(model, test, spec, 10)
    named = torch.zeros(len(samples), dtype=torch.bool)
    named[result.suspects] = True
    scanned = ~result.pool.trusted
    poison, labels = mask[result.pool.places[scanned]], result.evidence.labels[scanned]
    seen = [f"{name} {_at(scores[scanned], labels, poison):.2f}" for name, scores in result.scores.items()]
    caught = float(named[mask].float().mean()) if mask.any() else 0.0
    print(
        f"{kind} {rate:.3f} {seed}: {answers.clean.value:.3f} {answers.success.value:.3f} | "
        f"{result.alarm.p_value:.3f} {caught:.2f} {float(named[~mask].float().mean()):.4f} | {', '.join(seen)}",
        flush=True,
    )


def _at(scores: Tensor, labels: Tensor, poison: Tensor) -> float:
    """Share of the poison above the score that `ALLOWED` of the clean samples of its class exceed."""
    if not poison.any():
        return 0.0
    own = labels == labels[poison].mode().values
    return float((scores[poison & own] > scores[own & ~poison].quantile(1 - ALLOWED)).float().mean())


def predicted(runs: int) -> None:
    """Power predicted on one half of the data, and measured on the other, with other triggers and targets."""
    rates = {"badnets": 0.04, "blended": 0.04}
    for kind, rate in rates.items():
        for name, start, seed in (("predicted", 0, 0), ("measured", 30_000, 10_000)):
            caught, own = 0, torch.Generator().manual_seed(seed)
            half = mnist(start, 30_000)
            for run in range(runs):
                rows = torch.randperm(len(half), generator=own)[:900]
                settings = Settings(seed=seed + run)
                caught += tried(
                    half.select(rows[:600]), half.select(rows[600:]), kind, rate, seed + run, settings
                ).alarmed
            print(kind, rate, name, f"{caught} of {runs}", exact_interval(caught, runs), flush=True)


PARTS: dict[str, tuple[Callable[[int], None], int]] = {
    "clean": (clean, 200),
    "table": (table, 3),
    "power": (predicted, 100),
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    part, default = PARTS[sys.argv[1]]
    part(int(sys.argv[2]) if len(sys.argv) > 2 else default)
