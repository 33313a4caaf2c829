"""What remedies leave of a backdoor, and what no poison can change.

    .venv/bin/python bench/repairing.py mnist|signs|certify [runs]

Prints tables of docs/poisoning.md. A seed of `mnist` takes 4 minutes of one core.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import torch
from clean_label import mnist

from sparring.poison import Remedied, Settings, drawn, repair
from sparring.poison.certified import certify, plurality, run_off

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
        spec = drawn(kind, samples.domain, rate, runs % 10, runs)
        tried = repair(samples, test, trusted, spec, REMEDIES, Settings(seed=runs))
        print(f"{kind} {rate:.3f} seed {runs}: success/clean of {_told(tried)}", flush=True)


def _told(tried: Sequence[Remedied]) -> str:
    return ", ".join(
        f"{each.remedy} {each.answers.success.value:.3f}/{each.answers.clean.value:.3f}" for each in tried
    )


def certified(runs: int) -> None:
    """1,200 ridge regressions on 50 MNIST images each, and the first `runs` test images."""
    train, test = mnist(0, 60_000), mnist(0, runs, "test")
    for aggregate in (plurality, run_off):
        found_now = certify(train, test, 1200, aggregate)
        cells = (f"{count}: {found_now.accuracy(test.labels, count):.3f}" for count in (0, 50, 100, 200, 400))
        print(
            aggregate.__name__,
            ", ".join(cells),
            f"median radius {int(found_now.radius.median())}",
            flush=True,
        )


PARTS: dict[str, tuple[Callable[[int], None], int]] = {"mnist": (remedies, 0), "certify": (certified, 1000)}

if __name__ == "__main__":
    torch.set_num_threads(1)
    part, default = PARTS[sys.argv[1]]
    part(int(sys.argv[2]) if len(sys.argv) > 2 else default)
