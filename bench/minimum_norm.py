"""How small the changes are that each attack finds, at equal budgets: AttackBench's optimality.

    .venv/bin/python bench/minimum_norm.py --model cifar10_small_resnet_adv --norm l2 --budget 100 --json l2.json

Every attack gets the same samples, the same seed and the same budget of passes per sample (forwards and backwards
together, on average over the samples), and every point that it shows to the model counts; distances are measured in
float64 by one function for all. With AUC the area under the curve of robust accuracy over eps up to the largest of
the smallest distances that any attack of the pool found, and AUC* that of a pool in which each sample has the
smallest distance that any attack found for it (Cina et al. 2024, https://arxiv.org/abs/2404.19460):

    optimality = 1 - (AUC - AUC*) / (clean accuracy * largest distance - AUC*)

The pool is what stands in this file and in `_smallest.py`. 1.0 is the best that is known on these samples.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import torch
from _data import found
from _smallest import PEERS, Spent, Watched, installed
from torch import Tensor, nn

from sparring.attacks import (
    ALMA,
    DDN,
    FAB,
    FMN,
    PDPGD,
    BrendelBethge,
    CarliniWagner,
    DeepFool,
    NearestClass,
    SigmaZero,
    SuperDeepFool,
)
from sparring.data import load_data
from sparring.draws import Draws, row_keys
from sparring.engine import Attack, Task, search
from sparring.models import load_model
from sparring.threat import Untargeted, parse_threat

DATA = {
    "cifar10_small_resnet_adv": "cifar10/test_lossless_500.npz",
    "cifar10_sri_resnet_a": "cifar10/test_lossless_500.npz",
    "mnist_small_cnn_adv": "mnist/mnist_70000.npz",
}


def ours(norm: str, budget: int, classes: int) -> dict[str, Attack]:
    """Our attacks for a norm, with as many steps as `budget` passes pay for."""
    steps, others = (budget - 1) // 2, classes - 1
    attacks: dict[str, Attack] = {"FMN": FMN(steps)}
    match norm:
        case "linf":
            attacks |= {"PDPGD": PDPGD(steps)}
        case "l2":
            rounds = 1 if budget < 300 else 2
            attacks |= {"DDN": DDN(steps), "ALMA": ALMA(steps), "PDPGD": PDPGD(steps)}
            attacks |= {"CW": CarliniWagner(rounds, budget // 2 // rounds, 0.03)}
            attacks |= {"SuperDeepFool": SuperDeepFool((budget - 11) // 5)}
        case "l1":
            attacks |= {"PDPGD": PDPGD(steps), "ALMA": ALMA(steps)}
        case "l0":
            attacks |= {"SigmaZero": SigmaZero(steps)}
    if norm != "l0":
        attacks |= {"FAB": FAB(budget // (2 + others)), "DeepFool": DeepFool((budget - 1) // 5, 4)}
        attacks |= {"BB": BrendelBethge(steps)}
    looks, aims = (5, 1) if budget < 300 else (9, 3)
    left = budget - 2 * looks
    attacks |= {"NearestClass FMN": NearestClass(FMN(left // aims // 2 - 1), looks, aims)}
    if norm != "l0":
        attacks |= {"NearestClass FAB": NearestClass(FAB(left // aims // 3), looks, aims)}
        attacks |= {"NearestClass BB": NearestClass(BrendelBethge(left // aims // 2 - 1), looks, aims)}
    return attacks


def main() -> None:
    """Run the pool and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--model", choices=DATA, default="cifar10_small_resnet_adv")
    options.add_argument("--norm", choices=list(PEERS), default="l2")
    options.add_argument("--budget", type=int, default=100, help="passes per sample")
    options.add_argument("--samples", type=int, default=64)
    options.add_argument("--only", help="attacks whose names contain this")
    options.add_argument(
        "--json", type=Path, help="where to write the table, too; one that is there joins the pool"
    )
    asked = options.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of the peers
    model = load_model(found(f"models/{asked.model}.pt2"))
    samples = load_data(found(f"data/{DATA[asked.model]}")).limit(asked.samples)
    with torch.no_grad():
        right = model(samples.inputs).argmax(1) == samples.labels
    correct = samples.select(right.nonzero().flatten())
    print(
        f"{asked.model}, {asked.norm}, {asked.budget} passes, {len(correct)} of {len(samples)} samples correct"
    )
    old = json.loads(asked.json.read_text()) if asked.json and asked.json.is_file() else {}
    runs = {name: (each["distance"], each["seconds"]) for name, each in old.items()}
    for name, run in _contenders(asked.norm, asked.budget).items():
        if asked.only and asked.only not in name:
            continue
        began = time.process_time()
        distance = run(model, correct.inputs, correct.labels, asked)
        runs[name] = distance.tolist(), time.process_time() - began
        if asked.json:
            asked.json.write_text(
                json.dumps({key: {"distance": d, "seconds": s} for key, (d, s) in runs.items()})
            )
    _print(runs, len(samples))


def _contenders(norm: str, budget: int):
    """Everything that is run, by library and algorithm."""
    found = {f"sparring {name}": _ours(attack) for name, attack in ours(norm, budget, 10).items()}
    for library, attacks in PEERS[norm].items():
        if installed(library):
            found |= {f"{library} {name}": _theirs(attack) for name, attack in attacks.items()}
    return found


def _ours(attack: Attack):
    def run(model: nn.Module, inputs: Tensor, labels: Tensor, asked: argparse.Namespace) -> Tensor:
        from sparring.domain import Domain

        threat = parse_threat(f"{asked.norm}:min").bind(
            inputs, Domain(0.0, 1.0, None, tuple(inputs.shape[1:]))
        )
        draws = Draws(row_keys(0, [str(row) for row in range(len(inputs))]))
        task = Task(inputs, Untargeted(labels), threat, draws)
        result = search(model, task, attack, retire="never", keep="closest")
        assert int((result.forwards + result.backwards).max()) <= asked.budget
        return result.distance.double()

    return run


def _theirs(attack):
    def run(model: nn.Module, inputs: Tensor, labels: Tensor, asked: argparse.Namespace) -> Tensor:
        watched = Watched(model, inputs, labels, asked.norm, asked.budget)
        torch.manual_seed(0)
        try:
            attack(watched, inputs.clone(), labels.clone(), asked.budget // 2)
        except Spent:
            pass
        except Exception as error:
            print(f"  {type(error).__name__}: {str(error)[:100]}")
        return watched.best

    return run


def _print(runs: dict[str, tuple[list[float], float]], count: int) -> None:
    away = {name: torch.tensor(distance, dtype=torch.float64) for name, (distance, _) in runs.items()}
    best = torch.stack(list(away.values())).amin(0)
    most, correct = float(best[best.isfinite()].max()), len(best)

    def area(distance: Tensor) -> float:
        return float(distance.clamp_max(most).sum()) / count

    print(f"{'attack':28}{'optimality':>11}{'median':>10}{'found':>7}{'CPU s':>8}")
    for name in sorted(away, key=lambda name: area(away[name])):
        score = 1 - (area(away[name]) - area(best)) / max(correct / count * most - area(best), 1e-12)
        middle, hits = float(away[name].median()), int(away[name].isfinite().sum())
        print(f"{name:28}{score:11.4f}{middle:10.4f}{hits:7}{runs[name][1]:8.1f}")


if __name__ == "__main__":
    main()
