"""Poison on MNIST and GTSRB: harm, detectors, false alarms, predicted power.

    .venv/bin/python bench/poisoning.py clean [runs]
    .venv/bin/python bench/poisoning.py table [seed] [mnist|gtsrb]
    .venv/bin/python bench/poisoning.py power [trials] [kind ...]
    .venv/bin/python bench/poisoning.py models [seeds]

Prints the figures of docs/poisoning.md. Minutes of an idle core: `clean` 1, `table` 2, `power` 2 a kind,
`models` 2.
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
from sparring.poison import (
    PoisonSpec,
    Settings,
    label_consistent,
    plant,
    scan,
)
from sparring.poison.detection_power import tried
from sparring.poison.detectors import BASELINES
from sparring.poison.inspection.inspecting import judged, signs_of
from sparring.poison.kinds import drawn
from sparring.poison.planting import class_count
from sparring.poison.victim import SHORT, answers_of, trained

KINDS = ("badnets", "blended", "warp", "label-consistent")
RATES = (0.005, 0.01, 0.05)
EPS = {1: 0.3, 3: 8 / 255}
"""How far label-consistent poison moves a value, by channels."""

ALLOWED = 0.01
"""False positives at which detectors are compared."""

PLANTED = 0.025
"""The rate whose discovery is predicted."""


def mnist(start: int, count: int, split: str = "train") -> Samples:
    """`count` images of a split from `start` on."""
    file = np.load(found("data/mnist/mnist_70000.npz"))
    rows = slice(start, start + count)
    return pack(file[f"x_{split}"][rows], file[f"y_{split}"][rows].astype(np.int64), source="mnist")


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
            nn.Conv2d(3, 32, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 4, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * 64, 128),
            nn.ReLU(),
            nn.Linear(128, class_count(samples)),
        ).eval()


CASES: dict[str, tuple[Callable[[], tuple[Samples, Samples, Samples]], Settings]] = {
    "mnist": (lambda: (mnist(0, 3000), mnist(20_000, 1500), mnist(0, 2000, "test")), Settings()),
    "gtsrb": (traffic, Settings(make=sign_net, recipe=replace(SHORT, epochs=15))),
}
"""Samples to scan, trusted ones and test samples, and how a scan learns from them."""


def hidden_net(samples: Samples, seed: int) -> nn.Sequential:
    """64 neurons between MNIST and its classes."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10)).eval()


def clean(runs: int) -> None:
    """How often clean data raise the alarm: each run has its own 600 samples and 300 trusted ones, and a small net."""
    whole, alarms, drawn_from = mnist(0, 60_000), 0, torch.Generator().manual_seed(0)
    for run in range(runs):
        rows = torch.randperm(len(whole), generator=drawn_from)[:900]
        found_now = scan(
            whole.select(rows[:600]),
            whole.select(rows[600:]),
            Settings(make=hidden_net, seed=run, relabellings=199),
        )
        alarms += found_now.verdict == "fail"
        if run % 20 == 19:
            print(f"{alarms} of {run + 1} clean data sets", exact_interval(alarms, run + 1), flush=True)


def table(seed: int, data: str = "mnist") -> None:
    """Harm, and what each detector sees; the target is the class with the seed's number."""
    load, settings = CASES[data]
    samples, trusted, test = load()
    own = replace(settings, seed=seed)
    print(
        f"kind rate seed: clean, success | alarm p, TPR, FPR of the scan | TPR at {ALLOWED:.0%} FPR by detector"
    )
    _row("control", 0.0, samples, trusted, test, own, None)
    for kind, rate in itertools.product(KINDS, RATES):
        try:
            spec = _spec(kind, samples, rate, own)
            poisoned, note = plant(samples, spec)
        except UsageError as error:  # a clean-label kind that needs more of a class than there is
            print(f"{kind} {rate:.3f} {seed}: {error}", flush=True)
            continue
        _row(kind, rate, poisoned, trusted, test, own, (spec, note.mask(len(samples))))


def _spec(kind: str, samples: Samples, rate: float, settings: Settings) -> PoisonSpec:
    seed = settings.seed
    if kind != "label-consistent":
        return drawn(kind, samples.domain, rate, seed % 10, seed)
    trigger = drawn("badnets", samples.domain, rate, seed % 10, seed).trigger
    surrogate, eps = trained(samples, settings.make, settings.recipe, seed), EPS[samples.domain.shape[0]]
    return label_consistent(samples, surrogate, trigger, seed % 10, rate, eps=eps, seed=seed)


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
        drawn("badnets", poisoned.domain, 0.01, settings.seed % 10, settings.seed),
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


def predicted(runs: int, *kinds: str) -> None:
    """Power as `sparring poison power` predicts it on four data sets, and as measured there with unseen triggers.

    Each data set has 600 samples and 300 trusted ones; 2.5% (15 samples) are poisoned. So that hundreds of trials are
    cheap, a net with one hidden layer learns from them.
    """
    whole = mnist(0, 60_000)
    for kind in kinds or ("badnets", "blended", "warp", "clean-label"):
        caught = {"predicted": 0, "measured": 0}
        for part, (name, seed) in itertools.product(range(4), (("predicted", 0), ("measured", 10_000))):
            samples, trusted = _part(whole, part)
            for trial in range(seed, seed + runs // 4):
                settings = Settings(make=hidden_net, seed=trial, relabellings=199)
                caught[name] += tried(samples, trusted, kind, PLANTED, trial, settings).alarmed
            done = runs // 4 * (part + 1)
            print(
                part, kind, f"{name} {caught[name]} of {done}", exact_interval(caught[name], done), flush=True
            )


def _part(whole: Samples, part: int) -> tuple[Samples, Samples]:
    """600 samples, and 300 trusted ones."""
    rows = torch.randperm(len(whole), generator=torch.Generator().manual_seed(part))[:900]
    return whole.select(rows[:600]), whole.select(rows[600:])


def models(runs: int) -> None:
    """Models looked into: 19 clean nets on 3,000 samples, `runs` others, and as many victims of each kind and rate."""
    samples, aside = mnist(30_000, 3000), mnist(0, 3000)
    references = [signs_of(trained(samples, seed=100 + seed), samples) for seed in range(19)]
    cells: list[tuple[str, float]] = [
        ("clean", 0.0),
        *itertools.product(("badnets", "blended", "warp"), RATES),
    ]
    for kind, rate in cells:
        for seed in range(runs):
            spec = drawn(kind if rate else "badnets", aside.domain, rate or 0.01, seed % 10, seed)
            victim = trained(plant(aside, spec)[0] if rate else aside, seed=seed)
            opened = answers_of(victim, mnist(0, 1000, "test"), spec, 10).success.value
            found_now = judged([signs_of(victim, samples), *references], 0.05)
            hit = f"p {found_now.p_value:.2f}, class {found_now.suspect}, target {seed % 10}"
            print(f"{kind} {rate:.3f} {seed}: success {opened:.2f}, {hit}", flush=True)


PARTS: dict[str, tuple[Callable[..., None], int]] = {
    "clean": (clean, 200),
    "table": (table, 0),
    "power": (predicted, 200),
    "models": (models, 3),
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    part, default = PARTS[sys.argv[1]]
    part(int(sys.argv[2]) if len(sys.argv) > 2 else default, *sys.argv[3:])
