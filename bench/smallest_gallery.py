"""What the smallest change looks like in each norm, as a picture.

    .venv/bin/python bench/smallest_gallery.py --out docs/smallest-changes.png

Two adversarially trained nets, one on CIFAR-10 and one on MNIST; for each the first sample that every norm breaks. Each
norm is searched by its suite. Above the changed picture with the class that comes out, below the change alone: grey is
no change, and the strongest change is black or white.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import torch
from _data import CASES
from torch import Tensor

import sparring

NORMS = {
    "linf:min": "L∞",
    "l2:min": "L2",
    "l1:min": "L1",
    "l0:minpx": "L0, pixels",
    "l0:minsq4": "L0, squares",
}
CIFAR = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
NAMES = {"cifar10": CIFAR, "mnist": tuple(map(str, range(10)))}


def main() -> None:
    """Search, draw, save."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--out", type=Path, default=Path("docs/smallest-changes.png"))
    options.add_argument("--samples", type=int, default=8, help="how many samples to choose from")
    asked = options.parse_args()
    mpl.use("agg")
    torch.set_num_threads(1)
    figure, axes = plt.subplots(2 * len(NAMES), 1 + len(NORMS), figsize=(10.8, 8.4), layout="constrained")
    for row, name in enumerate(NAMES):
        _draw(axes[2 * row : 2 * row + 2], name, asked.samples)
    for one in axes.flat:
        one.axis("off")
    figure.savefig(asked.out, dpi=100)
    print(asked.out)


def _draw(axes, name: str, samples: int) -> None:
    """Two rows: the pictures, and the changes."""
    model, data = CASES[name].load(samples)
    runs = {threat: sparring.audit(model, data, threat) for threat in NORMS}
    broken = [set(run.tensors["index"].tolist()) for run in runs.values()]
    chosen = min(set.intersection(*broken))
    original = data.inputs[data.index == chosen][0]
    label = int(data.labels[data.index == chosen])
    _show(axes[0][0], original, f"{NAMES[name][label]}")
    for place, (threat, run) in enumerate(runs.items(), 1):
        record = next(each for each in run.records.to_pylist() if each["index"] == chosen)
        changed = run.tensors["adversarial"][run.tensors["index"] == chosen][0]
        size = f"{NORMS[threat]} {record['distance']:.3g}"
        _show(axes[0][place], changed, f"{size}: {NAMES[name][record['adversarial_prediction']]}")
        change = changed - original
        _show(axes[1][place], 0.5 + change / (2 * change.abs().max()), "")


def _show(axis, picture: Tensor, title: str) -> None:
    values = picture.permute(1, 2, 0)
    axis.imshow(values.expand(-1, -1, 3).clamp(0, 1).numpy(), interpolation="nearest")
    axis.set_title(title, fontsize=10)


if __name__ == "__main__":
    main()
