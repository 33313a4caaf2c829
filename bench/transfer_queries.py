"""A target that answers: examples of other nets first, then CGBA, beside label-only attacks alone at the same totals.

    python bench/transfer_queries.py signs      the small nets for traffic signs, each the target of all others
    python bench/transfer_queries.py cifar10    three adversarially trained nets in shared/models, likewise
    python bench/transfer_queries.py imagenet   EfficientNet-Lite 0 (bench/peers.sh), with 1 and 2 as surrogates
    python bench/transfer_queries.py signs --stolen 5   no other nets: two made of five answers a sample, which count

Wrong inside 8/255 among samples that the target gets right. Each example costs a query: `admix` and `di` on the mean of
all surrogates, and on each alone if they were stolen, then `admix` for four times the size, from which CGBA goes on;
RayS, which begins where it likes, does without that one. Intervals (95%) of shares are exact; those of gains draw
samples, paired.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from _data import found
from _imagenet import EfficientNet, photographs
from _small_nets import CLASSES, NETS, signs, trained
from torch import Tensor

from sparring.attacks import RayS
from sparring.data import Samples, load_data
from sparring.evaluation.statistics import exact_interval
from sparring.models import Model, load_model
from sparring.threat import Linf
from sparring.training import small_nets
from sparring.transfer import Refined, craft, refine, steal
from sparring.transfer.table import answers

THREAT, FAR = Linf(8 / 255), Linf(32 / 255)
BUDGETS = (10, 25, 50, 100, 200, 250, 400, 500)
CIFAR10 = ("cifar10_sri_resnet_a", "cifar10_resnet_4b", "cifar10_small_resnet_adv")


@dataclass(frozen=True)
class Case:
    """Nets of one task, which of them are attacked, samples for that, and others that a thief may ask about."""

    nets: Sequence[Model]
    targets: Sequence[str]
    samples: Samples
    spare: Samples | None = None


def main() -> None:
    """The arms for every target, pooled."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=CASES)
    parser.add_argument(
        "--n", type=int, default=60, help="samples, of which those count that the target gets right"
    )
    parser.add_argument("--skip", type=int, default=0, help="leave out the first so many")
    parser.add_argument("--queries", type=int, default=400, help="most that a sample may cost")
    parser.add_argument("--targets", nargs="+", help="only these")
    parser.add_argument(
        "--stolen", type=int, help="in place of other nets, two made of so many answers a sample"
    )
    parser.add_argument("--gradients", type=int, default=50, help="of each surrogate, for an example")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    case = CASES[asked.what]()
    samples = case.samples.select(list(range(asked.skip, asked.skip + asked.n)))
    needed: dict[str, list[Tensor]] = {}
    for target in (net for net in case.nets if net.name in (asked.targets or case.targets)):
        groups = [[net for net in case.nets if net is not target]]
        if asked.stolen and case.spare:
            stolen = _stolen(target, case.spare, asked.stolen * int(_right(target, samples).sum()))
            groups = [stolen, *([net] for net in stolen)]
        arms = needed_by(target, groups, samples, asked.queries, asked.gradients, asked.stolen or 0)
        for arm, each in arms.items():
            needed.setdefault(arm, []).append(each)
            print(
                f"  {target.name}, {arm}: {[int((each <= budget).sum()) for budget in BUDGETS]}", flush=True
            )
    tell({arm: torch.stack(each) for arm, each in needed.items()}, asked.queries)


def needed_by(
    target: Model,
    groups: Sequence[Sequence[Model]],
    samples: Samples,
    queries: int,
    gradients: int,
    paid: int,
) -> dict[str, Tensor]:
    """By arm: the queries after which each sample was wrong, infinite if it never was, NaN if it does not count.

    Examples are made on each group of surrogates, the larger ones on the first. What the surrogates cost a sample was
    paid before.
    """
    right = _right(target, samples)
    mine = samples.select(right.nonzero().squeeze(1))

    def made(group: Sequence[Model], threat: Linf, method: str) -> Tensor:
        return craft(group, mine, threat, method, gradients * len(group)).points

    near = [made(group, THREAT, method) for group in groups for method in ("admix", "di")]
    candidates = [*near, made(groups[0], FAR, "admix")]
    rays, left = RayS(queries), queries - paid
    needed = {
        "examples, then CGBA": paid + _needed(refine(target, mine, THREAT, candidates, left)),
        "examples, then RayS": paid + _needed(refine(target, mine, THREAT, near, left, attack=rays)),
        "CGBA alone": _needed(refine(target, mine, THREAT, [], queries)),
        "RayS alone": _needed(refine(target, mine, THREAT, [], queries, attack=rays)),
    }
    return {
        arm: torch.full((len(samples),), torch.nan).masked_scatter(right, each)
        for arm, each in needed.items()
    }


def _stolen(target: Model, spare: Samples, queries: int) -> list[Model]:
    """Small nets, as `sparring transfer --steal` makes them."""
    return steal(target, spare, queries, small_nets(signs("learned"), CLASSES), Linf(THREAT.eps / 4))


def _right(target: Model, samples: Samples) -> Tensor:
    return answers(target, samples.inputs, 64).argmax(1) == samples.labels


def _needed(run: Refined) -> Tensor:
    return torch.where(run.success, run.queries.float(), torch.inf)


def tell(needed: dict[str, Tensor], queries: int) -> None:
    """A line for every budget."""
    ours, alone = list(needed)[:2], list(needed)[2:]
    gains = [f"gain of {arm} over the better, points" for arm in ours]
    print(
        f"| queries a sample | {' | '.join([*needed, *gains])} |\n|{'---|' * (1 + len(needed) + len(gains))}"
    )
    for budget in (each for each in BUDGETS if each <= queries):
        done = {
            arm: torch.where(each.isnan(), torch.nan, (each <= budget).float())
            for arm, each in needed.items()
        }
        better = max(alone, key=lambda arm: float(done[arm].nansum()))
        cells = [_share(each) for each in done.values()] + [_gain(done[arm], done[better]) for arm in ours]
        print(f"| {budget} | {' | '.join(cells)} |")


def _share(done: Tensor) -> str:
    won, count = int(done.nansum()), int((~done.isnan()).sum())
    held = exact_interval(won, count)
    return f"{won} of {count} ({100 * held.low:.0f}-{100 * held.high:.0f}%)"


def _gain(ours: Tensor, theirs: Tensor) -> str:
    """What ours has more of all that count, in points, with an interval from drawing samples `(pairs, N)`."""
    more, count = (ours - theirs).nansum(0), (~ours.isnan()).float().sum(0)
    draws = torch.randint(len(more), (2000, len(more)), generator=torch.Generator().manual_seed(0))
    spread = 100 * more[draws].sum(1) / count[draws].sum(1)
    low, high = spread.quantile(torch.tensor([0.025, 0.975])).tolist()
    return f"{100 * float(more.sum() / count.sum()):+.0f} ({low:.0f} to {high:.0f})"


def _signs() -> Case:
    return Case([trained(name) for name in NETS], list(NETS), signs("attacked"), signs("spare"))


def _cifar10() -> Case:
    nets = [load_model(found(f"models/{name}.pt2")).having(name=name) for name in CIFAR10]
    return Case(nets, CIFAR10, load_data(found("data/cifar10/test_lossless_500.npz")))


def _imagenet() -> Case:
    nets = [load_model(EfficientNet(size)).having(name=f"lite{size}") for size in range(3)]
    return Case(nets, ["lite0"], photographs())


CASES: dict[str, Callable[[], Case]] = {"signs": _signs, "cifar10": _cifar10, "imagenet": _imagenet}


if __name__ == "__main__":
    main()
