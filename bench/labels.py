"""How small the changes are that attacks find which see labels only, by queries, beside Foolbox's and ART's.

    .venv/bin/python bench/labels.py --model cifar10_sri_resnet_a --norm l2 --samples 16 --json l2.json

The same samples for all, those that the net gets right. The target counts: it answers with classes only, remembers the
smallest distance at which it erred, and stops at the budget. `--starts common` gives everybody the first random input
that is adversarial (else another sample), which nobody pays for; GeoDA and SignOPT of ART take no start and find their
own. `--starts own` gives nobody anything. GeoDA of ART plans with its budget and runs anew under each; the others run
once. At the end, by algorithm and for the best of all: the geometric mean over the samples of our distance over that of
the best peer, with a paired bootstrap interval of level 95%.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from _labels import PEERS, Spent, Target, installed
from _nets import problem
from torch import Tensor

from sparring.attacks import CGBA, BoundaryWalk, GeoDA, HopSkipJump, RayS, SignOPT, SurFree, Triangle
from sparring.attacks.suites import stages_for
from sparring.engine import Attack, Task, search
from sparring.engine.ask import Look
from sparring.tensors import take

BUDGETS = (100, 250, 500, 1000, 2500)

OURS: dict[str, dict[str, tuple[Attack, ...]]] = {
    "l2": {
        "CGBA": (CGBA(),),
        "SurFree": (SurFree(),),
        "HopSkipJump": (HopSkipJump(),),
        "GeoDA": (GeoDA(),),
        "SignOPT": (SignOPT(),),
        "Boundary": (BoundaryWalk(),),
        "Triangle": (Triangle(),),
        "suite labels": tuple(stage.attack for stage in stages_for("labels", "l2:min")),
    },
    "linf": {"CGBA": (CGBA(),), "RayS": (RayS(),), "HopSkipJump": (HopSkipJump(),), "GeoDA": (GeoDA(),)},
}

Curves = dict[int, list[float]]
"""The smallest distance of each sample, by budget."""


def main() -> None:
    """Run everybody and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument(
        "--model", default="cifar10_sri_resnet_a", help="a net in models/, or efficientnet_lite0"
    )
    options.add_argument("--norm", choices=list(PEERS), default="l2")
    options.add_argument("--samples", type=int, default=8)
    options.add_argument(
        "--skip", type=int, default=0, help="samples before these, with which settings were chosen"
    )
    options.add_argument("--most", type=int, default=1000, help="largest budget")
    options.add_argument("--starts", choices=["common", "own"], default="common")
    options.add_argument("--only", help="attacks whose names contain this", default="")
    options.add_argument("--json", type=Path, help="where to write; what is there already is not run again")
    asked = options.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of the peers
    logging.disable(logging.WARNING)
    model, task = problem(asked.model, f"{asked.norm}:min", asked.samples, asked.skip)
    begin = _starts(model, task) if asked.starts == "common" else None
    budgets = [each for each in BUDGETS if each <= asked.most]
    old = json.loads(asked.json.read_text()) if asked.json and asked.json.is_file() else {}
    runs = {name: {int(key): each for key, each in curves.items()} for name, curves in old.items()}
    for name in _names(asked.norm):
        if asked.only not in name or name in runs:
            continue
        began, library = time.process_time(), name.split()[0]
        if library == "sparring":
            runs[name] = _ours(OURS[asked.norm][name.split(maxsplit=1)[1]], model, task, begin, budgets)
        elif installed(library):
            runs[name] = _theirs(name, model, task, begin, budgets)
        print(f"  {name}: {time.process_time() - began:.0f} s of CPU", flush=True)
        if asked.json:
            asked.json.write_text(json.dumps(runs))
    _print(runs, budgets, f"{asked.model}, {asked.norm}, {len(task)} samples, {asked.starts} starts")


def _names(norm: str) -> list[str]:
    return [*(f"sparring {name}" for name in OURS[norm]), *PEERS[norm]]


def _starts(model: Look, task: Task) -> Tensor:
    """For each sample the first of many random inputs that is adversarial, else the next sample of another class."""
    noise = torch.rand(100, *task.inputs.shape[1:], generator=torch.Generator().manual_seed(1))
    points = torch.cat([noise, task.inputs])
    classes = torch.cat([model(part).argmax(1) for part in points.split(20)])
    return torch.stack([points[int((classes != label).nonzero()[0])] for label in task.goal.labels])


def _ours(
    attacks: tuple[Attack, ...], model: Look, task: Task, begin: Tensor | None, budgets: list[int]
) -> Curves:
    """What attacks find one after the other, each from where the one before ended; all rows are looked at together."""
    seen: list[Tensor] = []

    def watched(points: Tensor) -> Tensor:
        outputs = model(points)
        away = task.threat.distance(points, task.inputs)
        away = away.masked_fill(outputs.argmax(1) == task.goal.labels, torch.inf)
        seen.append(torch.minimum(away, seen[-1]) if seen else away)
        return outputs

    watched.padded = False  # type: ignore[attr-defined]  # nothing is shown but what is asked
    task, most = replace(task, begin=begin), budgets[-1]
    for attack in attacks:
        left = most - len(seen)
        if left:
            found = search(
                watched, task, attack, retire="never", keep="closest", budget=left, batch=len(task)
            )
            task = replace(task, begin=found.adversarial)
    assert len(seen) == most, "some row was looked at less often than others"
    return {budget: seen[budget - 1].tolist() for budget in budgets}


def _theirs(name: str, model: Look, task: Task, begin: Tensor | None, budgets: list[int]) -> Curves:
    runs: Curves = {budget: [] for budget in budgets}
    # GeoDA plans with its budget, and fails with less than 500
    told = sorted({max(500, budget) for budget in budgets}) if "GeoDA" in name else [budgets[-1]]
    for row in range(len(task)):
        start = None if begin is None else begin[row : row + 1]
        curves = {most: _curve(name, model, take(task, torch.tensor([row])), start, most) for most in told}
        for budget in budgets:
            curve = curves[min(most for most in told if most >= budget)]
            runs[budget].append(curve[min(budget, len(curve)) - 1])
    return runs


def _curve(name: str, model: Look, task: Task, start: Tensor | None, budget: int) -> list[float]:
    """The smallest distance after each query of one sample."""
    label = int(task.goal.labels)
    target = Target(model, task.inputs, label, task.threat.norm, budget)
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 ART draws from it
    try:
        PEERS[task.threat.norm][name](target, task.inputs.clone(), label, start, budget)
    except Spent:
        pass
    except Exception as error:
        print(f"  {name}: {type(error).__name__}: {str(error)[:100]}")
    return target.curve or [float("inf")]


def _print(runs: dict[str, Curves], budgets: list[int], title: str) -> None:
    """Medians, the largest last; where an attack was not run under a budget its place is empty."""
    print(f"\n{title}: median distance after so many queries")
    print(f"{'attack':26}" + "".join(f"{budget:>18}" for budget in budgets))
    for name in sorted(runs, key=lambda name: -_median(runs[name][max(runs[name])])):
        told = [
            f"{_median(runs[name][budget]):18.3f}" if budget in runs[name] else 18 * " " for budget in budgets
        ]
        print(f"{name:26}" + "".join(told))
    ours = {name for name in runs if name.startswith("sparring")}
    pairs = {name.split()[1]: {name} for name in ours} | {"best of all": ours}
    for algorithm, mine in pairs.items():
        theirs = [name for name in runs if name not in ours and algorithm in (name.split()[1], "best of all")]
        if theirs:
            told = [_against(runs, mine, theirs, budget) for budget in budgets]
            print(f"{'ours/best: ' + algorithm:26}" + "".join(f"{each:>18}" for each in told))


def _median(values: list[float]) -> float:
    return float(torch.tensor(values).median())


def _against(runs: dict[str, Curves], ours: Iterable[str], theirs: Iterable[str], budget: int) -> str:
    """Our distance over theirs, of those that are best in the geometric mean, with an interval."""
    both = [
        [torch.tensor(runs[name][budget]).log() for name in names if budget in runs[name]]
        for names in (ours, theirs)
    ]
    if not all(both):
        return "-"
    mine, other = (min(logs, key=lambda each: float(each.mean())) for logs in both)
    if not bool((mine + other).isfinite().all()):
        return "-"
    draws = torch.randint(len(mine), (2000, len(mine)), generator=torch.Generator().manual_seed(0))
    low, high = (mine - other)[draws].mean(1).quantile(torch.tensor([0.025, 0.975])).exp().tolist()
    return f"{float((mine - other).mean().exp()):.2f} ({low:.2f}-{high:.2f})"


if __name__ == "__main__":
    main()
