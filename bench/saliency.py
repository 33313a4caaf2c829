"""Saliency maps (JSMA, Papernot et al. 2016, https://arxiv.org/abs/1511.07528) beside what finds smallest changes.

    .venv/bin/python bench/minimum_norm.py --norm l0 --budget 500 --json l0.json
    .venv/bin/python bench/saliency.py --budget 500 --json l0.json

A prototype, to see whether they are worth having: each look sets two values to an end of the range, those that raise
the runner-up most while the others fall together. Three passes a look, since the other classes' gradients are needed as
a sum only. Measured as everything there is; `--json` is the pool that it is held against, and stays as it is.
"""

from __future__ import annotations

import argparse
import json
from contextlib import suppress
from pathlib import Path

import torch
from _data import found
from _smallest import Spent, Watched
from minimum_norm import DATA, _print
from torch import Tensor, nn

from sparring.data import load_data
from sparring.models import load_model


def main() -> None:
    """Run it on the samples of the pool, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--model", choices=DATA, default="cifar10_small_resnet_adv")
    options.add_argument("--budget", type=int, default=500, help="passes per sample")
    options.add_argument("--samples", type=int, default=64)
    options.add_argument("--json", type=Path, required=True, help="the pool")
    asked = options.parse_args()
    torch.set_num_threads(1)
    model = load_model(found(f"models/{asked.model}.pt2"))
    samples = load_data(found(f"data/{DATA[asked.model]}")).limit(asked.samples)
    with torch.no_grad():
        right = model(samples.inputs).argmax(1) == samples.labels
    correct = samples.select(right.nonzero().flatten())
    watched = Watched(model, correct.inputs, correct.labels, "l0", asked.budget)
    with suppress(Spent):
        _climb(watched, correct.inputs, correct.labels)
    pool = json.loads(asked.json.read_text())
    runs = {name: (each["distance"], each["seconds"]) for name, each in pool.items()}
    _print(runs | {"saliency maps": (watched.best.tolist(), 0.0)}, len(samples))


def _climb(model: nn.Module, inputs: Tensor, labels: Tensor) -> None:
    """Two values a look, until the budget is spent."""
    points, aim = inputs.clone(), None
    while True:
        points = points.detach().requires_grad_()
        scores = model(points)
        if aim is None:
            aim = scores.detach().scatter(1, labels[:, None], -torch.inf).argmax(1)
        wanted = scores.gather(1, aim[:, None]).sum()
        rise = torch.autograd.grad(wanted, points, retain_graph=True)[0].flatten(1)
        others = torch.autograd.grad(scores.sum() - wanted, points)[0].flatten(1)
        flat = points.detach().flatten(1)
        end = (rise > 0).to(flat)
        saliency = (-rise * others).clamp_min(0) * (flat != end)
        best = saliency.topk(2, dim=1).indices
        points = flat.scatter(1, best, end.gather(1, best)).view_as(inputs)


if __name__ == "__main__":
    main()
