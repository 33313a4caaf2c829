"""The most memory that a search holds, over the most that the model's own forward and backward hold at the same batch.

    .venv/bin/python bench/memory.py --json memory.json

All tensors count, as torch's profiler sees them made and freed, those inside the model included; the samples and the
weights, which are there before, do not. A batch of 32 samples, none of which retires. `inputs` says by how many copies
of the batch the search holds more than the model, where both hold most.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from _data import FAST_CASES, Case
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from sparring.attacks import APGD, FAB, PGD, Square
from sparring.draws import Draws, row_keys
from sparring.engine import Attack, Task, search
from sparring.threat import Linf, Untargeted

BATCH = 32
ATTACKS: dict[str, Attack] = {"PGD": PGD(5), "APGD": APGD(10), "FAB": FAB(5), "Square": Square(10)}
"""Memory does not grow with steps."""


@dataclass(frozen=True)
class Row:
    """A line of the table: MiB of the model alone and of the search."""

    net: str
    attack: str
    model: float
    search: float
    inputs: float

    def __str__(self) -> str:
        held = f"{self.model:.1f} | {self.search:.1f} | {self.search / self.model:.2f} | {self.inputs:+.1f}"
        return f"| {self.net} | {self.attack} | {held} |"


def main() -> None:
    """A row per net and attack."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--net", choices=FAST_CASES, nargs="+", default=["cifar10", "mnist", "undefended"])
    options.add_argument("--json", type=Path, help="where to write the table, too")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    rows = [row for name in chosen.net for row in measured(FAST_CASES[name])]
    print("| net | attack | model, MiB | search, MiB | ratio | inputs |\n|---|---|---|---|---|---|")
    print(*rows, sep="\n")
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def measured(case: Case) -> list[Row]:
    """A row per attack; FAB aims at a class, as in the suites."""
    model, samples = case.load(BATCH)
    with torch.no_grad():
        clean = model(samples.inputs)
    threat = Linf(case.eps).bind(samples.inputs, samples.domain)
    draws = Draws(row_keys(0, samples.ids))
    aim = clean.scatter(1, samples.labels[:, None], -torch.inf).argmax(1)
    task = Task(samples.inputs, Untargeted(samples.labels), threat, draws, aim=aim, clean=clean)
    own, size = most(partial(climb, model, samples.inputs)), samples.inputs.numel() * 4
    rows = []
    for name, attack in ATTACKS.items():
        held = most(partial(search, model, task, attack, retire="never", batch=BATCH))
        rows.append(Row(case.model, name, own / 2**20, held / 2**20, (held - own) / size))
    return rows


def climb(model: nn.Module, inputs: Tensor) -> None:
    """One bare forward and backward."""
    points = inputs.detach().requires_grad_()
    torch.autograd.grad(model(points).sum(), points)


def most(work: Callable[[], object]) -> int:
    """Most bytes of tensors at once, beyond those that were there before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    assert seen.profiler is not None
    assert seen.profiler.kineto_results is not None
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = highest = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        highest = max(highest, held)
    return highest


if __name__ == "__main__":
    main()
