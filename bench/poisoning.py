"""Poison on MNIST and GTSRB: harm, detectors, false alarms, predicted power.

    .venv/bin/python bench/poisoning.py clean [runs]
    .venv/bin/python bench/poisoning.py table [seed] [mnist|gtsrb] [kind ...]
    .venv/bin/python bench/poisoning.py power [kind] [part] [trials]
    .venv/bin/python bench/poisoning.py models [seeds]

Prints the figures of docs/poisoning.md. Minutes of an idle core: `clean` 1, `table` 2, `power` half
a one, `models` 5.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from _data import found
from _small_nets import signs
from torch import Tensor, nn

from sparring.data import Samples
from sparring.data.pack import pack
from sparring.errors import UsageError
from sparring.evaluation.statistics import exact_interval
from sparring.poison import PoisonSpec, Settings, plant, scan
from sparring.poison.detection_power import tried
from sparring.poison.detectors import BASELINES
from sparring.poison.inspection.inspecting import judged, signs_of
from sparring.poison.making.kinds import drawn
from sparring.poison.making.planting import class_count
from sparring.poison.making.victim import SHORT, answers_of, trained
from sparring.training import Adam

KINDS = ("badnets", "blended", "warp", "label-consistent", "sleeper-agent")
RATES = (0.005, 0.01, 0.05)
ALLOWED = 0.01
"""False positives at which detectors are compared."""

PLANTED = 0.025
"""The rate whose discovery is predicted."""


def mnist(rows: slice | Tensor, split: str = "train") -> Samples:
    """Some images of a split."""
    file = np.load(found("data/mnist/mnist_70000.npz"))
    chosen = np.arange(len(file[f"y_{split}"]))[rows]
    return pack(file[f"x_{split}"][chosen], file[f"y_{split}"][chosen].astype(np.int64), source="mnist")


def traffic() -> tuple[Samples, Samples, Samples]:
    """GTSRB, all 43 classes, each sign cut out: 2,400 samples, 1,214 trusted ones, 500 of other signs for tests."""
    whole = signs("learned")
    order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(0))
    return whole.select(order[:2400]), whole.select(order[2400:]), signs("attacked")


def sign_net(samples: Samples, seed: int) -> nn.Sequential:
    """Two convolutions on images of equal contrast: quicker on few signs than the residual net for colour images."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.InstanceNorm2d(3),
            nn.Conv2d(3, 16, 4, 2, 1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 4, 2, 1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 64, 128),
            nn.ReLU(),
            nn.Linear(128, class_count(samples)),
        ).eval()


CASES: dict[str, tuple[Callable[[], tuple[Samples, Samples, Samples]], Settings]] = {
    "mnist": (
        lambda: (mnist(slice(3000)), mnist(slice(20_000, 21_500)), mnist(slice(2000), "test")),
        Settings(),
    ),
    "gtsrb": (
        traffic,
        Settings(make=sign_net, recipe=replace(SHORT, epochs=15, optimiser=Adam(learning_rate=3e-3))),
    ),
}
"""Samples to scan, trusted ones and test samples, and how a scan learns from them."""


def hidden_net(samples: Samples, seed: int) -> nn.Sequential:
    """64 neurons between MNIST and its classes."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10)).eval()


def clean(runs: str = "200") -> None:
    """How often clean data raise the alarm: each run has its own 600 samples and 300 trusted ones, and a small net."""
    whole, alarms, drawn_from = mnist(slice(60_000)), 0, torch.Generator().manual_seed(0)
    for run in range(int(runs)):
        rows = torch.randperm(len(whole), generator=drawn_from)[:900]
        found_now = scan(
            whole.select(rows[:600]),
            whole.select(rows[600:]),
            Settings(make=hidden_net, seed=run, relabellings=199),
        )
        alarms += found_now.verdict == "fail"
        if run % 20 == 19:
            print(f"{alarms} of {run + 1} clean data sets", exact_interval(alarms, run + 1), flush=True)


def table(seed: str = "0", data: str = "mnist", *kinds: str) -> None:
    """Harm, and what each detector sees; the target is the class with the seed's number."""
    load, settings = CASES[data]
    samples, trusted, test = load()
    own = replace(settings, seed=int(seed))
    print(
        f"kind rate seed: clean, success | alarm p, TPR, FPR of the scan | TPR at {ALLOWED:.0%} FPR by detector"
    )
    _row("control", 0.0, samples, trusted, test, own, None)
    for kind, rate in itertools.product(kinds or KINDS, RATES):
        try:
            spec = drawn(kind, samples, rate, own.seed % 10, own.seed, own.make, own.recipe)
            poisoned, note = plant(samples, spec)
        except UsageError as error:  # a clean-label kind that needs more of a class than there is
            print(f"{kind} {rate:.3f} {seed}: {error}", flush=True)
            continue
        _row(kind, rate, poisoned, trusted, test, own, (spec, note.mask(len(samples))))


def _row(
    kind: str,
    rate: float,
    poisoned: Samples,
    trusted: Samples,
    test: Samples,
    settings: Settings,
    planted: tuple[PoisonSpec, Tensor] | None,
) -> None:
    result = scan(poisoned, trusted, settings)
    p_value = result.alarm.p_value if result.alarm else 1.0
    spec, mask = planted or (
        drawn("badnets", poisoned, 0.01, settings.seed % 10, settings.seed),
        torch.zeros(len(poisoned)).bool(),
    )
    answers = answers_of(result.evidence.model, test, spec, class_count(poisoned))
    named = torch.zeros(len(poisoned), dtype=torch.bool)
    named[result.suspects] = True
    scanned = ~result.pool.trusted
    poison, labels = mask[result.pool.places[scanned]], result.evidence.labels[scanned]
    scores = {**result.scores, **{name: score(result.evidence) for name, score in BASELINES.items()}}
    seen = [f"{name} {_at(values[scanned], labels, poison):.2f}" for name, values in scores.items()]
    caught = float(named[mask].float().mean()) if mask.any() else 0.0
    print(
        f"{kind} {rate:.3f} {settings.seed}: {answers.clean.value:.3f} {answers.success.value:.3f} | "
        f"{p_value:.3f} {caught:.2f} {float(named[~mask].float().mean()):.4f} | {', '.join(seen)}",
        flush=True,
    )


def _at(scores: Tensor, labels: Tensor, poison: Tensor) -> float:
    """Share of the poison above the score that `ALLOWED` of the clean samples of its class exceed."""
    if not poison.any():
        return 0.0
    own = labels == labels[poison].mode().values
    return float((scores[poison & own] > scores[own & ~poison].quantile(1 - ALLOWED)).float().mean())


def predicted(kind: str = "badnets", part: str = "0", trials: str = "50") -> None:
    """Power as `sparring poison power` predicts it on a data set, and as measured there with unseen triggers.

    Each of the parts 0 to 3 has 600 samples and 300 trusted ones of its own; 2.5% (15 samples) are poisoned. So that
    hundreds of trials are cheap, a net with one hidden layer learns from them.
    """
    rows = torch.randperm(60_000, generator=torch.Generator().manual_seed(int(part)))
    samples, trusted = mnist(rows[:600]), mnist(rows[600:900])
    for name, first in (("predicted", 0), ("measured", 10_000)):
        seeds = range(first, first + int(trials))
        caught = sum(
            tried(
                samples, trusted, kind, PLANTED, seed, Settings(make=hidden_net, seed=seed, relabellings=199)
            ).alarmed
            for seed in seeds
        )
        print(kind, part, f"{name}: {caught} of {len(seeds)}", flush=True)


def models(runs: str = "4") -> None:
    """Models looked into: 19 clean nets on 3,000 samples, `runs` others, and as many victims of each kind and rate."""
    samples, aside, test = mnist(slice(30_000, 33_000)), mnist(slice(3000)), mnist(slice(1000), "test")
    references = [signs_of(trained(samples, seed=100 + seed), samples) for seed in range(19)]
    cells: list[tuple[str, float]] = [
        ("clean", 0.0),
        *itertools.product(("badnets", "blended", "warp"), RATES),
    ]
    for kind, rate in cells:
        for seed in range(int(runs)):
            spec = drawn(kind if rate else "badnets", aside, rate or 0.01, seed % 10, seed)
            victim = trained(plant(aside, spec)[0] if rate else aside, seed=seed)
            opened = answers_of(victim, test, spec, 10).success.value
            found_now = judged([signs_of(victim, samples), *references], 0.05)
            hit = f"p {found_now.p_value:.2f}, class {found_now.suspect}, target {seed % 10}"
            print(f"{kind} {rate:.3f} {seed}: success {opened:.2f}, {hit}", flush=True)


PARTS: dict[str, Callable[..., None]] = {
    "clean": clean,
    "table": table,
    "power": predicted,
    "models": models,
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    PARTS[sys.argv[1]](*sys.argv[2:])
