"""Honest nets, some robust and some not: an audit of them must never end *invalid*.

    .venv/bin/python bench/honest.py --n 64 --seeds 0 1 2 --json honest.json

None of them hides its gradients. Four were trained adversarially by others, two are those of `sparring demo`, the
plain one at an eps that it half withstands. Random search beats gradients on some samples of some of them, by
chance; that is no reason to distrust an audit.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from _data import Case
from _passes import cpu_seconds

import sparring
from sparring.data import Samples
from sparring.demo import nets
from sparring.evaluation.gates import Gates
from sparring.storage import Run

CIFAR, MNIST = "cifar10/test_lossless_500.npz", "mnist/mnist_70000.npz"

Load = Callable[[int], tuple[Any, Samples]]


def demo(make: Callable[[], Any], count: int) -> tuple[Any, Samples]:
    """A net of the demo and its first held-out images, taken as continuous like the others."""
    samples = sparring.load_data(nets.images(count))
    return make(), replace(samples, domain=replace(samples.domain, step=None))


NETS: dict[str, tuple[str, Load]] = {
    "mnist_small_cnn_adv": ("linf:0.3", Case("mnist_small_cnn_adv", MNIST, "linf:0.3", 0.3).load),
    "demo robust": ("linf:0.3", partial(demo, nets.robust)),
    "demo plain": ("linf:0.07", partial(demo, nets.plain)),
    "cifar10_resnet_4b": ("linf:2/255", Case("cifar10_resnet_4b", CIFAR, "linf:2/255", 2 / 255).load),
    "cifar10_sri_resnet_a": ("linf:4/255", Case("cifar10_sri_resnet_a", CIFAR, "linf:4/255", 4 / 255).load),
    "cifar10_small_resnet_adv": (
        "linf:8/255",
        Case("cifar10_small_resnet_adv", CIFAR, "linf:8/255", 8 / 255).load,
    ),
}


@dataclass
class Outcome:
    """What an audit said of one net with one seed; seconds are of the CPU."""

    net: str
    threat: str
    seed: int
    samples: int
    clean_correct: int
    robust: int
    by_search: int
    verdict: str
    findings: list[str]
    seconds: float

    def __str__(self) -> str:
        counts = f"{self.samples:4}{self.clean_correct:7}{self.robust:8}{self.by_search:11}"
        said = ", ".join(self.findings) or "no findings"
        return f"{self.net:26}{self.threat:12}{self.seed:4}{counts}  {self.verdict:12} {self.seconds:6.0f}  {said}"


HEADER = f"{'net':26}{'threat':12}seed   n  clean  robust  by search  {'verdict':12}  CPU s  findings"


def main() -> None:
    """Audit each net with each seed, and print each row as it comes; the exit code is 1 if any is invalid."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--only", choices=NETS, nargs="+", default=list(NETS), metavar="NAME")
    options.add_argument("--n", type=int, default=64, help="samples of each; 64")
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--json", type=Path, help="where to write the results, too")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    print(HEADER)
    outcomes = []
    for name in chosen.only:
        for seed in chosen.seeds:
            outcomes.append(outcome(name, chosen.n, seed))
            print(outcomes[-1], flush=True)
            if chosen.json:
                chosen.json.write_text(json.dumps([asdict(each) for each in outcomes], indent=2) + "\n")
    invalid = sum(each.verdict == "invalid" for each in outcomes)
    print(f"invalid: {invalid} of {len(outcomes)}")
    raise SystemExit(int(invalid > 0))


def outcome(name: str, count: int, seed: int) -> Outcome:
    """One audit, with a gate, since what is invalid must show in its verdict."""
    threat, load = NETS[name]
    model, samples = load(count)
    runs: list[Run] = []
    audit = partial(sparring.audit, model, samples, threat, "standard", seed=seed)
    seconds = cpu_seconds(lambda: runs.append(audit(gates=Gates(min_robust_accuracy=0.5))))
    result = runs[0].result
    return Outcome(
        net=name,
        threat=threat,
        seed=seed,
        samples=result["samples"],
        clean_correct=result["clean_correct"],
        robust=result["robust"],
        by_search=runs[0].records["attack"].to_pylist().count("square"),
        verdict=result["verdict"],
        findings=[finding["id"] for finding in result["findings"]],
        seconds=seconds,
    )


if __name__ == "__main__":
    main()
