"""Transfer among small nets for traffic signs: methods at equal cost, budgets, sizes, files, and choosing a surrogate.

    python bench/transfer.py methods    every method, all pairs of nets, 50 gradients, 8/255 or --levels
    python bench/transfer.py budgets    some methods at 10, 50 and 200 gradients
    python bench/transfer.py sizes      some methods at 4, 8 and 16/255, and what files do to the examples
    python bench/transfer.py choose     is the surrogate that probes choose the best on other samples?
    python bench/transfer.py toughen    surrogates after light adversarial training, beside what they were, 8 and 16/255
    python bench/transfer.py imagenet   some methods among EfficientNet-Lite 0, 1 and 2 (bench/peers.sh), 8/255
    python bench/transfer.py steal      steal, craft and refine on a budget, beside CGBA alone

A pooled share counts each eligible sample of each pair once; its interval is drawn over samples (paired over methods),
because examples of one sample on several nets are not independent.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product

import torch
from _imagenet import EfficientNet, photographs
from _small_nets import NETS, signs, trained
from torch import Tensor

from sparring.data import Samples
from sparring.evaluation.statistics import exact_interval
from sparring.models import Model, load_model
from sparring.threat import Linf
from sparring.training import Recipe, small_net
from sparring.transfer import METHODS, craft, ranked, read_again, refine, steal, toughened
from sparring.transfer.table import answers

SOME = ("i-fgsm", "mi", "admix", "si", "ssm", "ssm-di")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("methods", "imagenet", *RUNS))
    parser.add_argument("--n", type=int, default=100, help="test images")
    parser.add_argument(
        "--skip", type=int, default=0, help="leave out the first so many, which settings were chosen on"
    )
    parser.add_argument("--levels", type=int, default=8, help="methods: grey levels that a pixel may move")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rows = list(range(asked.skip, asked.skip + asked.n))
    if asked.what == "imagenet":
        nets = [load_model(EfficientNet(size)).having(name=f"lite{size}") for size in range(3)]
        _some(nets, photographs().select(rows), asked.seed, (10, 50))
        return
    nets, samples = [trained(name) for name in NETS], signs("attacked").select(rows)
    if asked.what == "methods":
        _methods(nets, samples, asked.seed, asked.levels)
    else:
        RUNS[asked.what](nets, samples, asked.seed)


def _methods(nets: Sequence[Model], samples: Samples, seed: int, levels: int) -> None:
    counts = {name: fooled(nets, samples, name, 50, levels / 255, seed)["memory"] for name in METHODS}
    _print("method", counts, control="mi")


def _budgets(nets: Sequence[Model], samples: Samples, seed: int) -> None:
    _some(nets, samples, seed, (10, 50, 200))


def _some(nets: Sequence[Model], samples: Samples, seed: int, budgets: Sequence[int]) -> None:
    for gradients in budgets:
        counts = {name: fooled(nets, samples, name, gradients, 8 / 255, seed)["memory"] for name in SOME}
        _print(f"{gradients} gradients", counts, control="mi")


def _sizes(nets: Sequence[Model], samples: Samples, seed: int) -> None:
    for levels, name in product((4, 8, 16), ("i-fgsm", "mi", "ssm-di")):
        counts = fooled(nets, samples, name, 50, levels / 255, seed, media=("png", "jpeg-75"))
        _print(f"{name} {levels}/255", counts, control="memory")


def fooled(
    nets: Sequence[Model],
    samples: Samples,
    method: str,
    gradients: int,
    eps: float,
    seed: int,
    media: tuple[str, ...] = (),
) -> dict[str, Tensor]:
    """By medium: for each pair and sample 1 if fooled, 0 if not, NaN if it does not count, `(pairs, N)`."""
    right = {net.name: _right(net, samples.inputs, samples.labels) for net in nets}
    found: dict[str, list[Tensor]] = {medium: [] for medium in ("memory", *media)}
    for surrogate in nets:
        points = craft([surrogate], samples, Linf(eps), method, gradients, seed=seed, batch=128).points
        for medium, rows in found.items():
            shown = points if medium == "memory" else read_again(points, medium)
            for target in (net for net in nets if net is not surrogate):
                counts = right[surrogate.name] & right[target.name]
                wrong = ~_right(target, shown, samples.labels)
                rows.append(torch.where(counts, wrong.float(), torch.nan))
    return {medium: torch.stack(rows) for medium, rows in found.items()}


def _right(net: Model, inputs: Tensor, labels: Tensor) -> Tensor:
    return answers(net, inputs, 128).argmax(1) == labels


def _print(title: str, counts: dict[str, Tensor], control: str) -> None:
    """Pooled shares with intervals, and what each gains over the control, paired."""
    draws = torch.randint(next(iter(counts.values())).shape[1], (2000, next(iter(counts.values())).shape[1]),
                          generator=torch.Generator().manual_seed(0))  # fmt: skip
    print(f"| {title} | fooled | more than {control} |\n|---|---|---|")
    pooled = {name: _pooled(each, draws) for name, each in counts.items()}
    for name, each in sorted(pooled.items(), key=lambda item: -float(item[1][0])):
        gain = each - pooled[control]
        print(
            f"| {name} | {each[0]:.1%} ({_span(each[1:])}) | {gain[0]:+.1%} ({_span(gain[1:])}) |", flush=True
        )


def _pooled(each: Tensor, draws: Tensor) -> Tensor:
    """The pooled share, then that of 2,000 draws of the samples with replacement."""
    good, hits = (~each.isnan()).float().sum(0), each.nan_to_num().sum(0)
    return torch.cat([(hits.sum() / good.sum())[None], hits[draws].sum(1) / good[draws].sum(1)])


def _span(drawn: Tensor) -> str:
    low, high = drawn.quantile(torch.tensor([0.025, 0.975])).tolist()
    return f"{low:.1%} to {high:.1%}"


def _choose(nets: Sequence[Model], samples: Samples, seed: int) -> None:
    """For every target: the surrogate that 20 probes choose, and all surrogates on the other samples."""
    probes, rest = samples.select(list(range(20))), samples.select(list(range(20, len(samples))))
    for target in nets:
        others = [net for net in nets if net is not target]
        chosen = ranked(others, target, probes, Linf(8 / 255), "mi", 10, seed=seed)[0].surrogate
        lines = {
            line.surrogate: line
            for line in ranked(others, target, rest, Linf(8 / 255), "ssm-di", 50, seed=seed)
        }
        best = next(iter(lines.values()))
        held = "yes" if lines[chosen].interval.high >= best.share else "no"
        print(
            f"| {target.name} | {chosen} {lines[chosen].share:.1%} | {best.surrogate} {best.share:.1%} | {held} |",
            flush=True,
        )


def _toughen(nets: Sequence[Model], samples: Samples, seed: int) -> None:
    """The four nets that were trained plainly, as they are and tuned on 500 other signs, on all other nets."""
    plain = [net for net in nets if not net.name.endswith("-adv")]
    for levels in (8, 16):
        tough = [toughened(net, signs("spare"), Linf(levels / 4 / 255), seed=seed) for net in plain]
        counts = {
            f"{method}, {name}": torch.stack(
                [
                    each
                    for net, surrogate in zip(plain, surrogates, strict=True)
                    for each in _from_one(net, surrogate, nets, samples, method, levels / 255, seed)
                ]
            )
            for method in ("mi", "di", "admix")
            for name, surrogates in (("as it is", plain), ("toughened", tough))
        }
        _print(f"{levels}/255", counts, control="mi, as it is")


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


def _steal(nets: Sequence[Model], samples: Samples, seed: int) -> None:
    """Wrong inside 8/255 by total queries: stealing is paid by all samples together, a share each."""
    threat, target = Linf(8 / 255), next(net for net in nets if net.name == "pooled")
    mine = samples.select((_right(target, samples.inputs, samples.labels)).nonzero().squeeze(1))
    learned, untrained = signs("spare"), small_net(signs("learned"))  # of all classes
    print("| queries a sample | stolen, crafted, refined | CGBA alone |\n|---|---|---|")
    for queries in (25, 50, 100, 250):
        half = queries // 2
        stolen = steal(
            target, learned, half * len(mine), untrained, Recipe(epochs=20, minibatch=32), seed=seed
        )
        near, far = (
            craft([stolen.model], mine, Linf(share * 8 / 255), "admix", 50, seed=seed).points
            for share in (1, 4)
        )
        ours = refine(target, mine, threat, [near, far], queries - half, seed=seed).success
        alone = refine(target, mine, threat, [], queries, seed=seed).success
        print(f"| {queries} | {_share(ours)} | {_share(alone)} |", flush=True)


def _share(success: Tensor) -> str:
    held = exact_interval(int(success.sum()), len(success))
    return f"{int(success.sum())}/{len(success)} ({held.low:.0%} to {held.high:.0%})"


RUNS = {"budgets": _budgets, "sizes": _sizes, "choose": _choose, "steal": _steal, "toughen": _toughen}


if __name__ == "__main__":
    main()
