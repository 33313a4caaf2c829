"""Transfer among nets of one task: methods at equal cost, sizes, files, and choosing a surrogate.

    python bench/transfer.py methods    methods beside each other, all pairs of nets; --gradients, --levels, --methods
    python bench/transfer.py sizes      some methods at 4, 8 and 16/255, and what files do to the examples
    python bench/transfer.py choose     is the surrogate that probes choose the best on other samples?
    python bench/transfer.py targeted   towards a class drawn at random, by its score and by cross-entropy, 16/255
    python bench/transfer.py toughen    surrogates after light adversarial training, beside what they were, 8 and 16/255

The nets are six small ones for traffic signs; with --nets transformers two of these alone; with --nets imagenet
EfficientNet-Lite 0, 1 and 2 (bench/peers.sh).

A pooled share counts each eligible sample of each pair once; bench/_shares.py says how its interval is drawn. A long
run is cut into pieces: --skip and --n choose the samples of one, --save FILE keeps it, bench/transfer_pooled.py pools.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import torch
from _imagenet import EfficientNet, photographs
from _shares import saved, show
from _small_nets import NETS, SECOND, signs, trained
from torch import Tensor

from sparring.attacks import cross_entropy
from sparring.data import Samples
from sparring.models import Model, load_model
from sparring.threat import Linf
from sparring.transfer import METHODS, craft, ranked, read_again, toughened
from sparring.transfer.table import answers


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=RUNS)
    parser.add_argument("--nets", choices=FAMILIES, default="signs")
    parser.add_argument("--n", type=int, default=100, help="test images")
    parser.add_argument(
        "--skip", type=int, default=0, help="leave out the first so many, which settings were chosen on"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--gradients", type=int, default=50, help="methods: what an example may cost")
    parser.add_argument("--levels", type=int, default=8, help="methods: grey levels that a pixel may move")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), help="methods: which, mi among them")
    parser.add_argument("--surrogates", nargs="+", help="methods: only examples of these nets")
    parser.add_argument("--save", type=Path, help="methods: a file for bench/transfer_pooled.py")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    nets, samples = FAMILIES[asked.nets]()
    RUNS[asked.what](nets, samples.select(list(range(asked.skip, asked.skip + asked.n))), asked)


def _signs() -> tuple[list[Model], Samples]:
    return [trained(name) for name in NETS], signs("attacked")


def _transformers() -> tuple[list[Model], Samples]:
    return [trained("transformer"), trained(SECOND)], signs("attacked")


def _imagenet() -> tuple[list[Model], Samples]:
    return [load_model(EfficientNet(size)).having(name=f"lite{size}") for size in range(3)], photographs()


def _methods(nets: Sequence[Model], samples: Samples, asked: argparse.Namespace) -> None:
    counts = {}
    for name in asked.methods:
        counts[name] = fooled(
            nets, samples, name, asked.gradients, asked.levels / 255, asked.seed, asked.surrogates
        )["memory"]
        print(f"  {name}: {float(counts[name].nanmean()):.1%}", flush=True)
        if asked.save is not None:
            saved(counts, asked.save)
    show(f"{asked.gradients} gradients, {asked.levels}/255", counts, control="mi")


def _sizes(nets: Sequence[Model], samples: Samples, asked: argparse.Namespace) -> None:
    for levels, name in product((4, 8, 16), ("i-fgsm", "mi", "ssm-di")):
        counts = fooled(nets, samples, name, 50, levels / 255, asked.seed, media=("png", "jpeg-75"))
        show(f"{name} {levels}/255", counts, control="memory")


def fooled(
    nets: Sequence[Model],
    samples: Samples,
    method: str,
    gradients: int,
    eps: float,
    seed: int,
    names: Sequence[str] | None = None,
    media: tuple[str, ...] = (),
) -> dict[str, Tensor]:
    """By medium: for each pair and sample 1 if fooled, 0 if not, NaN if it does not count, `(pairs, N)`.

    Surrogates are the nets of these names, all without.
    """
    right = {net.name: _right(net, samples.inputs, samples.labels) for net in nets}
    found: dict[str, list[Tensor]] = {medium: [] for medium in ("memory", *media)}
    for surrogate in (net for net in nets if names is None or net.name in names):
        points = craft([surrogate], samples, Linf(eps), method, gradients, seed=seed, batch=32).points
        for medium, rows in found.items():
            shown = points if medium == "memory" else read_again(points, medium)
            for target in (net for net in nets if net is not surrogate):
                counts = right[surrogate.name] & right[target.name]
                wrong = ~_right(target, shown, samples.labels)
                rows.append(torch.where(counts, wrong.float(), torch.nan))
    return {medium: torch.stack(rows) for medium, rows in found.items()}


def _right(net: Model, inputs: Tensor, labels: Tensor) -> Tensor:
    return answers(net, inputs, 128).argmax(1) == labels


def _choose(nets: Sequence[Model], samples: Samples, asked: argparse.Namespace) -> None:
    """For every target: the surrogate that 20 probes choose, and all surrogates on the other samples."""
    probes, rest = samples.select(list(range(20))), samples.select(list(range(20, len(samples))))
    for target in nets:
        others = [net for net in nets if net is not target]
        chosen = ranked(others, target, probes, Linf(8 / 255), "mi", 10, seed=asked.seed)[0].surrogate
        lines = {
            line.surrogate: line
            for line in ranked(others, target, rest, Linf(8 / 255), "ssm-di", 50, seed=asked.seed)
        }
        best = next(iter(lines.values()))
        held = "yes" if lines[chosen].interval.high >= best.share else "no"
        print(
            f"| {target.name} | {chosen} {lines[chosen].share:.1%} | {best.surrogate} {best.share:.1%} | {held} |",
            flush=True,
        )


def _targeted(nets: Sequence[Model], samples: Samples, asked: argparse.Namespace) -> None:
    """Each net as the target of all others, whose mean `mi` follows for 50 gradients of each; shares of all samples."""
    classes = int(signs("learned").labels.max()) + 1
    away = torch.randint(1, classes, (len(samples),), generator=torch.Generator().manual_seed(asked.seed))
    wanted, counts = (samples.labels + away) % classes, {}
    for name, loss in {"score": None, "cross-entropy": cross_entropy}.items():
        reached = []
        for target in nets:
            others = [net for net in nets if net is not target]
            budget = 50 * len(others)
            made = craft(others, samples, Linf(16 / 255), "mi", budget, targets=wanted, loss=loss, batch=32)
            reached.append(_right(target, made.points, wanted).float())
        counts[name] = torch.stack(reached)
        print(f"  {name}: {[int(each.sum()) for each in reached]}", flush=True)
    show("targeted, 16/255", counts, control="cross-entropy")


def _toughen(nets: Sequence[Model], samples: Samples, asked: argparse.Namespace) -> None:
    """The four nets that were trained plainly, as they are and tuned on 500 other signs, on all other nets."""
    plain = [net for net in nets if not net.name.endswith("-adv")]
    for levels in (8, 16):
        tough = [toughened(net, signs("spare"), Linf(levels / 4 / 255), seed=asked.seed) for net in plain]
        counts = {
            f"{method}, {name}": torch.stack(
                [
                    each
                    for net, surrogate in zip(plain, surrogates, strict=True)
                    for each in _from_one(net, surrogate, nets, samples, method, levels / 255, asked.seed)
                ]
            )
            for method in ("mi", "di", "admix")
            for name, surrogates in (("as it is", plain), ("toughened", tough))
        }
        show(f"{levels}/255", counts, control="mi, as it is")


def _from_one(
    net: Model, surrogate: Model, nets: Sequence[Model], samples: Samples, method: str, eps: float, seed: int
) -> list[Tensor]:
    """As in `fooled`, of one surrogate that `net` became."""
    points = craft([surrogate], samples, Linf(eps), method, 50, seed=seed, batch=128).points
    own = _right(net, samples.inputs, samples.labels)
    return [
        torch.where(
            own & _right(target, samples.inputs, samples.labels),
            (~_right(target, points, samples.labels)).float(),
            torch.nan,
        )
        for target in nets
        if target is not net
    ]


RUNS = {"methods": _methods, "sizes": _sizes, "choose": _choose, "targeted": _targeted, "toughen": _toughen}
FAMILIES = {"signs": _signs, "transformers": _transformers, "imagenet": _imagenet}


if __name__ == "__main__":
    main()
