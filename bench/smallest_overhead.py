"""What attacks that look for the smallest change cost beyond the model's own passes, as `overhead.py` measures it.

    .venv/bin/python bench/smallest_overhead.py --only FMN

The same net, images and prices as there, in batches of 128.
"""

from __future__ import annotations

import argparse
from functools import partial

import torch
from _data import CASES
from overhead import Contender, _correct, _measured
from torch import nn

from sparring.attacks import (
    ALMA,
    DDN,
    FAB,
    FMN,
    PDPGD,
    BrendelBethge,
    CarliniWagner,
    NearestClass,
    SigmaZero,
    SuperDeepFool,
)
from sparring.cli.memory import keep_memory
from sparring.data import Samples
from sparring.draws import Draws, row_keys
from sparring.engine import Attack, Task, search
from sparring.threat import Untargeted, parse_threat

ATTACKS: dict[str, tuple[str, Attack]] = {
    "FMN L2": ("l2", FMN(40)),
    "FMN Linf": ("linf", FMN(40)),
    "FMN L1": ("l1", FMN(40)),
    "FMN L0": ("l0", FMN(40)),
    "DDN": ("l2", DDN(40)),
    "ALMA L2": ("l2", ALMA(40)),
    "PDPGD L2": ("l2", PDPGD(40)),
    "BB L2": ("l2", BrendelBethge(40)),
    "PDPGD Linf": ("linf", PDPGD(40)),
    "PDPGD L1": ("l1", PDPGD(40)),
    "sigma-zero": ("l0", SigmaZero(40)),
    "SDF": ("l2", SuperDeepFool(20)),
    "C&W": ("l2", CarliniWagner(4, 10)),
    "FAB L2": ("l2", FAB(5)),
    "near FMN": ("l2", NearestClass(FMN(32))),
    "near FAB": ("linf", NearestClass(FAB(20))),
}


def main() -> None:
    """Measure and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--only", default="", help="attacks whose names contain this")
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    torch.set_num_threads(1)
    keep_memory()
    model, samples = CASES["cifar10"].load(500)
    samples = _correct(model, samples, 128)
    chosen = {name: each for name, each in ATTACKS.items() if asked.only in name}
    rows = [Contender(name, "sparring", partial(_run, samples, *each)) for name, each in chosen.items()]
    print(*_measured(model, samples.inputs, 128, rows, asked.rounds), sep="\n")


def _run(samples: Samples, norm: str, attack: Attack, model: nn.Module) -> object:
    threat = parse_threat(f"{norm}:min").bind(samples.inputs, samples.domain)
    task = Task(samples.inputs, Untargeted(samples.labels), threat, Draws(row_keys(0, samples.ids)))
    return search(model, task, attack, retire="never", keep="closest", batch=128)


if __name__ == "__main__":
    main()
