"""How often does each finding of an audit appear where its cause is present, and where it is not?

    .venv/bin/python bench/fooled.py --n 32 --seed 0 --json fooled-0.json
    .venv/bin/python bench/honest.py --n 48 --seeds 0 1 2 --json honest.json
    .venv/bin/python bench/indicators.py --fooled fooled-0.json --honest honest.json

Causes are known from the code of the defences, not from what audits say of them; honest nets have none of them. A
defence may have several causes. Prints a table in Markdown: sensitivity is the share of audits with the cause that
show the finding, specificity the share of those without it that do not.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

DISCRETE = ("1 bit", "2 bits", "3 bits, detached", "8 bits, numpy", "thermometer")
FILTERS = ("JPEG, Pillow", "JPEG, random quality", "median filter")
RANDOM = (
    "JPEG, random quality",
    "resize and pad",
    "noise on inputs",
    "noise on inputs, CIFAR",
    "noise on logits",
    "stochastic pruning",
)

CAUSES: dict[str, tuple[str, ...]] = {
    "stopped-gradients": (
        *DISCRETE,
        *FILTERS,
        "stochastic pruning",  # detaches the chances that it draws with
        "saturated activations",
        "distilled",
        "rounded probabilities",
        "labels only",
        "reject option",
        "optimises at inference",
    ),
    "randomised": RANDOM,
    "softmax-output": ("distilled", "rounded probabilities", "labels only", "reject option"),
    "gradients-mislead": ("flipped gradients",),
    "rough-gradients": ("k winners take all",),
    "gradients-stop": ("saturated activations",),
    "optimises-at-inference": ("optimises at inference",),
    "random-search-wins": (),
    "planted-points-missed": (),
    "unbounded-attack-fails": (),
    "still-rising": (),
    "no-progress": (),
}
"""Findings, and the defences of the bank that have their cause; () where a good audit must leave none to find."""


def main() -> None:
    """Count, and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--fooled", type=Path, nargs="+", required=True)
    options.add_argument("--honest", type=Path, nargs="+", required=True)
    chosen = options.parse_args()
    bank = [row for path in chosen.fooled for row in json.loads(path.read_text())]
    honest = [row for path in chosen.honest for row in json.loads(path.read_text())]
    audits = [(row["defence"], set(row["findings"])) for row in bank]
    audits += [(row["net"], set(row["findings"])) for row in honest]
    print(f"{len(bank)} audits of {len({row['defence'] for row in bank})} defences, ", end="")
    print(f"{len(honest)} of {len({row['net'] for row in honest})} honest nets\n")
    print("| finding | with the cause | sensitivity | without | specificity |\n|---|---|---|---|---|")
    for finding, causes in CAUSES.items():
        ill = [finding in found for name, found in audits if name in causes]
        well = [finding not in found for name, found in audits if name not in causes]
        print(f"| `{finding}` | {_share(ill)} | {_share(well)} |")


def _share(marks: list[bool]) -> str:
    return f"{len(marks)} | {sum(marks) / len(marks):.0%}" if marks else "0 | "


if __name__ == "__main__":
    main()
