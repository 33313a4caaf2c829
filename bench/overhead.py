"""What an attack costs beyond the model's own passes: CPU time over the bare time of the passes it makes.

    .venv/bin/python bench/overhead.py --json overhead.json

Linf 8/255 on a small CIFAR-10 ResNet, one thread, no row retired: the first images that the model gets right,
in the batch in which bare passes are cheapest. Each attack runs between two measurements of the bare passes, and is
compared with its passes at the mean of these prices: forwards alone at the price of a forward, the others at that of
a forward with its backward. Libraries take turns, in another order each round; the table shows medians over the
rounds, and the lowest and highest ratio.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch
from _data import CASES
from _passes import Counting, Prices, best_batch, cpu_seconds, prices
from _peers import PEERS, Peer, installed
from torch import Tensor, nn

from sparring.attacks import APGD, PGD, Square
from sparring.cli.memory import keep_memory
from sparring.data import Samples
from sparring.draws import Draws, row_keys
from sparring.engine import Attack, Task, search
from sparring.threat import Linf, Untargeted

CASE = CASES["cifar10"]
OURS: dict[str, Attack] = {"PGD": PGD(40), "APGD": APGD(100), "Square": Square()}


@dataclass(frozen=True)
class Contender:
    """One attack of one library, ready to be run on a model."""

    attack: str
    library: str
    run: Callable[[nn.Module], object]


@dataclass(frozen=True)
class Row:
    """A line of the table; passes per image, CPU seconds and ratios by round."""

    attack: str
    library: str
    forwards: float
    backwards: float
    seconds: list[float]
    ratios: list[float]

    def __str__(self) -> str:
        spread = f"{median(self.ratios):.3f} ({min(self.ratios):.3f} to {max(self.ratios):.3f})"
        passes = f"{self.forwards:9.0f}{self.backwards:10.0f}"
        return f"{self.attack:12}{self.library:14}{passes}{median(self.seconds):8.2f}   {spread}"


def main() -> None:
    """Measure, print the table, and write it down if asked to."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--json", type=Path, help="where to write the table, too")
    options.add_argument("--attack", choices=OURS, nargs="+", default=["PGD", "APGD"])
    options.add_argument("--queries", type=int, default=500, help="of Square")
    options.add_argument("--images", type=int, default=128)
    options.add_argument("--rounds", type=int, default=9)
    chosen = options.parse_args()
    torch.set_num_threads(1)
    keep_memory()
    model, samples = CASE.load(500)
    batch = best_batch(model, samples.inputs[:256])
    samples = _correct(model, samples, chosen.images)
    ours = {**OURS, "Square": Square(chosen.queries)}
    contenders = _contenders(samples, batch, {name: ours[name] for name in chosen.attack})
    rows = _measured(model, samples.inputs, batch, contenders, chosen.rounds)
    print(f"Batch {batch}, {chosen.rounds} rounds.\n")
    print(f"{'attack':12}{'library':14}{'forwards':>9}{'backwards':>10}{'CPU s':>8}   over bare passes")
    print(*rows, sep="\n")
    if chosen.json:
        chosen.json.write_text(
            json.dumps({"batch": batch, "rows": [vars(row) for row in rows]}, indent=2) + "\n"
        )


def _correct(model: nn.Module, samples: Samples, most: int) -> Samples:
    """The first images that the model gets right; some peers would skip the others."""
    with torch.inference_mode():
        right = model(samples.inputs).argmax(1) == samples.labels
    return samples.select(right.nonzero().flatten()[:most])


def _contenders(samples: Samples, batch: int, attacks: dict[str, Attack]) -> list[Contender]:
    found = []
    for name, attack in attacks.items():
        title = f"{name}-{attack.steps}"
        found.append(Contender(title, "sparring", partial(_ours, samples, batch, attack)))
        found += [
            Contender(title, library, partial(_theirs, samples, batch, peer, attack.steps))
            for library, peer in PEERS.get(name, {}).items()
            if installed(library)
        ]
    return found


def _ours(samples: Samples, batch: int, attack: Attack, model: nn.Module) -> object:
    threat = Linf(CASE.eps).bind(samples.inputs, samples.domain)
    task = Task(samples.inputs, Untargeted(samples.labels), threat, Draws(row_keys(0, samples.ids)))
    return search(model, task, attack, retire="never", batch=batch)


def _theirs(samples: Samples, batch: int, peer: Peer, steps: int, model: nn.Module) -> object:
    parts = zip(samples.inputs.split(batch), samples.labels.split(batch), strict=True)
    return [peer(model, inputs, labels, CASE.eps, steps) for inputs, labels in parts]


def _measured(
    model: nn.Module, inputs: Tensor, batch: int, contenders: list[Contender], rounds: int
) -> list[Row]:
    rows = [_empty_row(each, model, len(inputs)) for each in contenders]
    for number in range(rounds):
        before = prices(model, inputs, batch)
        for place in random.Random(number).sample(range(len(rows)), len(rows)):
            seconds = cpu_seconds(partial(contenders[place].run, model))
            after = prices(model, inputs, batch)
            rows[place].seconds.append(seconds)
            rows[place].ratios.append(seconds / len(inputs) / _bare(rows[place], before, after))
            before = after
    return rows


def _empty_row(contender: Contender, model: nn.Module, images: int) -> Row:
    """A row that knows its passes, counted in a run that is not timed and that warms up the library."""
    counting = Counting(model)
    contender.run(counting)
    passes = counting.forwards / images, counting.backwards / images
    return Row(contender.attack, contender.library, *passes, seconds=[], ratios=[])


def _bare(row: Row, before: Prices, after: Prices) -> float:
    """CPU seconds per image of the same passes with nothing around them."""
    forward, gradient = (before.forward + after.forward) / 2, (before.gradient + after.gradient) / 2
    return (row.forwards - row.backwards) * forward + row.backwards * gradient


if __name__ == "__main__":
    main()
