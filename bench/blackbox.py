"""What attacks find that see scores only, within so many queries per sample, beside ART, torchattacks and Foolbox.

    .venv/bin/python bench/blackbox.py --model cifar10_small_resnet_adv --threat linf:8/255 --samples 24

The same samples for all, those that the net gets right; all begin at them. The target counts: each point that it is
shown is a query of the sample it was made from, and what it errs at counts, whatever the attack makes of it. Everybody
runs anew under each budget and is told of it where it can be told. Printed are how many samples broke, or under
`l2:min` the median distance, and the paired bootstrap interval (95%) of the difference between our suite and the best
peer. `--surrogate NAME` runs the suite once more, led by another net.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from _blackbox import PEERS, Crowd, Spent, installed, interval
from _data import found
from _nets import problem
from torch import Tensor

from sparring.attacks import NES, SimBA, SparseRS, Square, SquareL2
from sparring.attacks.suites import Stage, stages_for, within
from sparring.engine import Task, search
from sparring.engine.ask import Look
from sparring.evaluation.surrogates import led
from sparring.tensors import put, take
from sparring.threat import is_smallest, threat_kind

BUDGETS = (100, 250, 500, 1000, 2500)

OURS: dict[str, dict[str, Stage]] = {
    "linf": {"Square": Stage("square", Square(), share=1.0), "NES": Stage("nes", NES(), share=1.0)},
    "l2": {"Square": Stage("square", SquareL2(), share=1.0), "NES": Stage("nes", NES(), share=1.0)},
    "l2:min": {
        "SimBA values": Stage("simba", SimBA(), share=1.0),
        "SimBA waves": Stage("simba", SimBA(basis="waves"), share=1.0),
    },
    "l0": {"Sparse-RS": Stage("sparse-rs", SparseRS(), share=1.0)},
    "l0:min": {"SimBA values": Stage("simba", SimBA(step_size=1.0), share=1.0)},
}
"""Single attacks, each for an algorithm that others have too; beside them runs the suite."""

Runs = dict[str, dict[int, list[float]]]
"""By attack and budget: the smallest distance of each sample at which the model erred."""


def main() -> None:
    """Run everybody and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument(
        "--model", default="cifar10_small_resnet_adv", help="a net in models/, or efficientnet_lite0"
    )
    options.add_argument(
        "--threat", default="linf:8/255", help="linf, l2, l0:24px with a size, l2:min, or l0:minpx"
    )
    options.add_argument("--samples", type=int, default=24)
    options.add_argument("--skip", type=int, default=0, help="samples before these")
    options.add_argument("--most", type=int, default=2500, help="largest budget")
    options.add_argument("--surrogate", help="a net in models/ that leads the suite")
    options.add_argument("--only", help="attacks whose names contain this", default="")
    options.add_argument("--json", type=Path, help="where to write; what is there already is not run again")
    asked = options.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of the peers
    logging.disable(logging.WARNING)
    model, task = problem(asked.model, asked.threat, asked.samples, asked.skip)
    kind, budgets = threat_kind(task.threat), [each for each in BUDGETS if each <= asked.most]
    old = json.loads(asked.json.read_text()) if asked.json and asked.json.is_file() else {}
    runs: Runs = {name: {int(key): each for key, each in told.items()} for name, told in old.items()}
    for name, run in _everybody(kind, asked.surrogate).items():
        if asked.only not in name:
            continue
        told = runs.setdefault(name, {})
        for budget in (each for each in budgets if each not in told):
            began = time.process_time()
            told[budget] = run(model, task, budget)
            print(f"  {name}, {budget}: {time.process_time() - began:.0f} s of CPU", flush=True)
            if asked.json:
                asked.json.write_text(json.dumps(runs))
    print(f"\n{asked.model}, {asked.threat}, {len(task)} samples")
    _print(runs, budgets, None if is_smallest(task.threat) else float(task.threat.eps))


def _everybody(kind: str, surrogate: str | None):
    """Everything that is run."""
    suite = stages_for("blackbox", kind)
    runs = {"sparring blackbox": _ours(suite)}
    if surrogate is not None:
        runs["sparring blackbox, led"] = _ours(_led(suite, surrogate))
    runs |= {f"sparring {name}": _ours((stage,)) for name, stage in OURS[kind].items()}
    return runs | {
        name: _theirs(peer, name) for name, peer in PEERS[kind].items() if installed(name.split()[0])
    }


def _led(stages: tuple[Stage, ...], surrogate: str) -> tuple[Stage, ...]:
    net = torch.export.load(found(f"models/{surrogate}.pt2")).module()
    return tuple(replace(stage, attack=led(stage.attack, net)) for stage in stages)


def _ours(stages: tuple[Stage, ...]):
    """Stages, one after the other on what is left, within one budget."""

    def run(model: Look, task: Task, budget: int) -> list[float]:
        crowd = Crowd(model, task.inputs, task.goal.labels, task.threat.norm, budget)
        object.__setattr__(crowd, "padded", False)
        smallest = is_smallest(task.threat)
        keep = {"retire": "never", "keep": "closest"} if smallest else {}
        left = torch.full((len(task),), budget)
        open_ = torch.arange(len(task))
        for stage in within(stages, budget):
            result = search(crowd, take(task, open_), stage.attack, budget=left[open_], batch=256, **keep)
            left = put(left, open_, left[open_] - result.forwards)
            open_ = open_[~result.success | smallest]
            open_ = open_[left[open_] > 0]
            if not len(open_):
                break
        return crowd.found(budget)

    return run


def _theirs(peer, name: str):
    def run(model: Look, task: Task, budget: int) -> list[float]:
        crowd = Crowd(model, task.inputs, task.goal.labels, task.threat.norm, budget)
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002 ART draws from it
        eps = float(task.threat.eps)
        try:
            peer(crowd, task.inputs.clone(), task.goal.labels.clone(), eps, budget)
        except Spent:
            pass
        except Exception as error:
            print(f"  {name}: {type(error).__name__}: {str(error)[:100]}")
        return crowd.found(budget)

    return run


def _print(runs: Runs, budgets: list[int], eps: float | None) -> None:
    away = {
        name: {q: torch.tensor(told[q], dtype=torch.float64) for q in budgets} for name, told in runs.items()
    }
    if eps is None:
        told, statistic = {n: {q: each[q] for q in budgets} for n, each in away.items()}, _median
    else:
        told = {n: {q: (each[q] <= eps + 1e-6).double() for q in budgets} for n, each in away.items()}
        statistic = _sum
    print(f"{'broken' if eps is not None else 'median distance':26}" + "".join(f"{q:>9}" for q in budgets))
    for name in sorted(told):
        print(f"{name:26}" + "".join(f"{float(statistic(told[name][q][None])):9.3g}" for q in budgets))
    peers = [name for name in told if not name.startswith("sparring")]
    pick = min if eps is None else max
    suites = [name for name in told if name.startswith("sparring blackbox")]
    for q in budgets:
        best = [pick(peers, key=lambda name: float(statistic(told[name][q][None])))] if peers else []
        for ours, other in [(suites[0], each) for each in best] + [(each, suites[0]) for each in suites[1:]]:
            middle, low, high = interval(told[ours][q], told[other][q], statistic)
            print(f"{q:5}: {ours} minus {other}: {middle:+.3g} [{low:+.3g}, {high:+.3g}]")


def _median(values: Tensor) -> Tensor:
    return values.median(-1).values


def _sum(values: Tensor) -> Tensor:
    return values.sum(-1)


if __name__ == "__main__":
    main()
