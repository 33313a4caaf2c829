"""Stateful detection: who is flagged that should be, who is flagged that should not, and who gets past.

    .venv/bin/python bench/watched.py --n 6 --queries 300

Three tables, on MNIST and CIFAR-10 with the undefended nets of `bench/collapse.py`:

- natural queries of one account: distinct test images, and near-duplicates of them as they occur (JPEG at quality 90,
  one pixel moved, 2% brighter, noise of half a grey level);
- attacks, an account per sample, that are refused an answer once flagged: the query that is flagged first, and how many
  get through within the budget, with and without refusals;
- the same attack disguised (`sparring.detect.stateful.Disguised`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median

import torch
from _data import found
from collapse import COLOURS, DIGITS, colours_net, digits_net
from torch import Tensor, nn

from sparring.attacks import NES, HopSkipJump, Square
from sparring.data import Samples, load_data
from sparring.detect.stateful import Disguised, Pursued, Watchman, opened_memory, pursued
from sparring.domain import Domain
from sparring.draws import Draws, row_keys
from sparring.engine import Attack, Task
from sparring.evaluation.statistics import exact_interval
from sparring.images import jpeg
from sparring.threat import Linf, Untargeted

NATURAL = 300

NEAR: dict[str, Callable[[Tensor], Tensor]] = {
    "JPEG at quality 90": lambda images: jpeg(images, 90),
    "one pixel to the right": lambda images: images.roll(1, -1),
    "2% brighter": lambda images: (1.02 * images).clamp(0, 1),
    "noise of half a grey level": lambda images: (images + 0.5 / 255 * torch.randn_like(images)).clamp(0, 1),
}


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--n", type=int, default=6, help="samples that are attacked; 6")
    options.add_argument("--queries", type=int, default=300, help="most queries per sample; 300")
    options.add_argument("--only", default="", help="MNIST or CIFAR-10")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for name, data, net, eps in (
        ("MNIST", DIGITS, digits_net(), 0.1),
        ("CIFAR-10", COLOURS, colours_net(), 2 / 255),
    ):
        if chosen.only not in name:
            continue
        samples = load_data(found(f"data/{data}")).sample(NATURAL)
        print(f"\n{name}")
        natural(samples.inputs)
        attacked(net, samples, eps, chosen.n, chosen.queries)


def natural(images: Tensor) -> None:
    """Who should not be flagged."""
    flags = fresh().flags(images, "somebody")
    print(f"  {'distinct images':40}{told(int(flags.sum()), len(images))} flagged")
    for name, change in NEAR.items():
        watchman = fresh()
        watchman.flags(images, "somebody")
        again = watchman.flags(change(images), "somebody")
        print(f"  {'the same, ' + name:40}{told(int(again.sum()), len(images))} flagged")


def attacked(net: nn.Module, samples: Samples, eps: float, count: int, queries: int) -> None:
    """Who should be flagged."""
    right = (net(samples.inputs).argmax(1) == samples.labels).nonzero().flatten()[:count]
    few = samples.select(right)
    domain = Domain(0.0, 1.0, None, few.domain.shape)
    threat = Linf(eps).bind(few.inputs, domain)
    task = Task(few.inputs, Untargeted(few.labels), threat, Draws(row_keys(0, few.ids, "watched")))
    square = Square(queries)
    rows: tuple[tuple[str, Attack, bool], ...] = (
        ("Square, only noted", square, False),
        ("Square, refused", square, True),
        ("Square, disguised, refused", Disguised(square, steps=queries), True),
        ("NES, only noted", NES().within(queries), False),
        ("NES, refused", NES().within(queries), True),
        ("HopSkipJump, only noted", HopSkipJump(queries), False),
        ("HopSkipJump, refused", HopSkipJump(queries), True),
    )
    for name, attack, refuse in rows:
        line(name, pursued(net, task, attack, fresh(), queries, refuse=refuse))


def line(name: str, ends: list[Pursued]) -> None:
    """One attack under a watchman's eyes."""
    early = sum(each.first is not None and each.first <= 100 for each in ends)
    firsts = [each.first for each in ends if each.first is not None]
    flagged = sum(each.flagged for each in ends) / sum(each.queries for each in ends)
    through = sum(each.success for each in ends)
    when = f"median query {median(firsts):.0f}" if firsts else "never"
    print(
        f"  {name:40}{early} of {len(ends)} flagged within 100 queries ({when}), {flagged:.0%} of all queries; "
        f"{told(through, len(ends))} get through, after {median(each.queries for each in ends):.0f} queries"
    )


def fresh() -> Watchman:
    """A watchman who knows nobody yet."""
    return Watchman(opened_memory("sqlite://"))


def told(count: int, samples: int) -> str:
    """A count with its interval in percent."""
    span = exact_interval(count, samples)
    return f"{count} of {samples} ({100 * span.low:.0f}-{100 * span.high:.0f}%)"


if __name__ == "__main__":
    main()
