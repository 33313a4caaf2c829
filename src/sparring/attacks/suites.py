"""Suites: attacks in order, with their aims and restarts.

A suite is a tuple of stages, and a stage an attack for the norms it is meant for, so that users can write
`[*suites.standard, Mine()]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from sparring.attacks.apgd import APGD
from sparring.attacks.apgd_l1 import APGDL1
from sparring.attacks.best_of import BestOf, Budgeted
from sparring.attacks.cgba import CGBA
from sparring.attacks.ddn import DDN
from sparring.attacks.estimated import Estimated
from sparring.attacks.fab import FAB
from sparring.attacks.fgsm import FGSM
from sparring.attacks.fmn import FMN
from sparring.attacks.hlrf import HLRF
from sparring.attacks.nearest_class import NearestClass
from sparring.attacks.parts.losses import (
    cross_entropy,
    difference_of_logits_ratio,
    margin,
    probability_margin,
)
from sparring.attacks.parts.starts import blocks, vertex
from sparring.attacks.pdpgd import PDPGD
from sparring.attacks.pgd import PGD
from sparring.attacks.rays import RayS
from sparring.attacks.sigma_zero import SigmaZero
from sparring.attacks.sparse_rs import SparseRS
from sparring.attacks.square import Square
from sparring.attacks.square_l2 import SquareL1, SquareL2
from sparring.attacks.surfree import SurFree
from sparring.attacks.triangle import Triangle
from sparring.engine import Attack
from sparring.engine.ask import Look
from sparring.errors import UsageError, nearest

__all__ = [
    "SUITES",
    "Order",
    "Stage",
    "blackbox",
    "fast",
    "labels",
    "min_l0",
    "min_l1",
    "min_l2",
    "min_linf",
    "smoke",
    "stages_for",
    "standard",
    "suited",
    "trees",
    "within",
]

Order = Literal["score", "distance"]
"""`distance` is score difference over the norm of its gradient at the clean input, which costs a backward a class."""

_EUCLIDEAN = ("linf", "l2")
_BUDGETED = ("linf", "l2", "l1", "l0")
_EVERY = (*_BUDGETED, *(f"{norm}:min" for norm in _BUDGETED))


@dataclass(frozen=True)
class Stage:
    """One attack of a suite.

    Args:
        name: How records and reports call it.
        attack: Run on every sample that is not broken yet.
        aims: How many classes to aim at, one after the other; 0 for none.
        order: Which classes come first: those of the highest clean scores, or those whose boundary seems nearest.
        near: Leave out samples whose best margin so far is lower than this share of the clean one: 0.1 attacks those
            that were brought nine tenths of the way; 1 leaves out none.
        restarts: How often to run it, with fresh draws, on what is left.
        norms: Threats that it is meant for; `l2:min` for one that looks for the smallest change in L2.
        stand_in: Makes, of the model under attack, what is searched in its place (`straight_through`); the model
            itself still decides what counts.
        share: Of a budget of queries, for which the attack sets its schedule (`within`); None: it stays as it is.
    """

    name: str
    attack: Attack
    aims: int = 0
    order: Order = "score"
    near: float = 1.0
    restarts: int = 1
    norms: tuple[str, ...] = _BUDGETED
    stand_in: Callable[[Look], Look] | None = None
    share: float | None = None


def within(stages: Sequence[Stage], queries: int) -> tuple[Stage, ...]:
    """The stages with the schedules of their attacks set for so many queries per sample, of which each has a share."""
    return tuple(
        replace(stage, attack=cast(Budgeted, stage.attack).within(max(1, int(stage.share * queries))))
        if stage.share is not None and hasattr(stage.attack, "within")
        else stage
        for stage in stages
    )


min_l2: tuple[Stage, ...] = (
    Stage("fmn", NearestClass(FMN(200), aims=3), norms=("l2:min",)),
    Stage("ddn", DDN(300), norms=("l2:min",)),
    Stage("fab", NearestClass(FAB(60), aims=3), norms=("l2:min",)),
)
min_linf: tuple[Stage, ...] = (
    Stage("fmn", NearestClass(FMN(200), aims=3), norms=("linf:min",)),
    Stage("pdpgd", PDPGD(300), norms=("linf:min",)),
    Stage("fab", NearestClass(FAB(60), aims=3), norms=("linf:min",)),
)
min_l1: tuple[Stage, ...] = (
    Stage("fmn", NearestClass(FMN(200), aims=3), norms=("l1:min",)),
    Stage("pdpgd", PDPGD(300), norms=("l1:min",)),
    Stage("fab", NearestClass(FAB(60), aims=3), norms=("l1:min",)),
)
min_l0: tuple[Stage, ...] = (
    Stage("sigma-zero", SigmaZero(400), norms=("l0:min",)),
    Stage("fmn", FMN(300), norms=("l0:min",)),
    Stage("sparse-rs", SparseRS(1000), norms=("l0:min",)),
)
"""The smallest change in each norm; later stages begin at the smallest that is known. From 1,000 to 2,400 passes.
In L0 some queries at random, because values move as far as they can, where slopes mislead."""

standard: tuple[Stage, ...] = (
    Stage("apgd-ce", APGD(100, cross_entropy), norms=_EUCLIDEAN),
    Stage("apgd-dlr-t", APGD(100, difference_of_logits_ratio), aims=9, norms=_EUCLIDEAN),
    Stage("apgd-ce", APGDL1(100, cross_entropy), restarts=5, norms=("l1",)),
    Stage("apgd-dlr-t", APGDL1(100, difference_of_logits_ratio), aims=5, norms=("l1",)),
    Stage("fab-t", FAB(100), aims=9, norms=("linf", "l2", "l1")),
    Stage("square", Square(5000), norms=("linf",)),
    Stage("square", SquareL2(5000), norms=("l2",)),
    Stage("square", SquareL1(5000), norms=("l1",)),
    *min_l2,
    *min_linf,
    *min_l1,
    *min_l0,
    *(replace(stage, norms=("l0",)) for stage in min_l0[:-1]),
    Stage("sparse-rs", SparseRS(5000), norms=("l0",)),
)
"""AutoAttack's standard version (Croce & Hein 2020, https://arxiv.org/abs/2003.01690; for L1: Croce & Hein 2021,
https://arxiv.org/abs/2103.01208), stages and parameters as the authors set them. For L0,
which AutoAttack leaves out, and for smallest changes the stages are ours."""

_pm, _dlr = probability_margin, difference_of_logits_ratio

fast: tuple[Stage, ...] = (
    Stage("apgd-pm", APGD(10, _pm), norms=_EUCLIDEAN),
    Stage("apgd-pm-nearest", APGD(12, _pm, begin=blocks), 1, "distance", norms=_EUCLIDEAN),
    Stage("apgd-dlr-blocks-t", APGD(20, _dlr, begin=blocks), 3, "distance", 0.25, norms=_EUCLIDEAN),
    Stage("apgd-pm-blocks-t", APGD(20, _pm, begin=blocks), 3, "distance", 0.25, norms=_EUCLIDEAN),
    Stage("apgd-pm-vertex-t", APGD(30, _pm, begin=vertex), 3, "distance", 0.05, norms=_EUCLIDEAN),
    Stage("apgd-dlr-t", APGD(60, _dlr), 3, "distance", 0.05, norms=_EUCLIDEAN),
    Stage("apgd-pm", APGDL1(30, _pm), norms=("l1",)),
    Stage("apgd-dlr-t", APGDL1(40, _dlr), 3, "distance", 0.25, norms=("l1",)),
    Stage("apgd-pm-t", APGDL1(60, _pm), 3, "distance", 0.1, norms=("l1",)),
    Stage("square", SquareL2(500), norms=("l2",)),
    Stage("square", SquareL1(500), norms=("l1",)),
)
"""Short climbs from several kinds of starts, at the classes that seem nearest, then longer ones where a sample was
nearly broken: after a number of `aims` come `order` and `near`. In L2 and L1 some queries at random show where
gradients mislead, as they do on nets that were trained for Linf. `docs/performance.md` says what it costs and misses.
Tuned on two nets, then frozen."""

smoke: tuple[Stage, ...] = (
    Stage("fgsm", FGSM(margin)),
    Stage("pgd", PGD(20, loss=margin)),
)
"""Seconds, for every commit: it may fail a model, never pass one."""

QUERIES = 5000
"""Queries per sample in `blackbox`, where no budget says otherwise."""

blackbox: tuple[Stage, ...] = within(
    (
        Stage(
            "apgd-or-square",
            BestOf((Square(starts=10), Estimated(APGD(loss=margin)))),
            norms=("linf",),
            share=1.0,
        ),
        Stage("estimated-apgd", Estimated(APGD(loss=margin)), norms=("l2",), share=0.8),
        Stage("square", SquareL2(), norms=("l2",), share=0.2),
        Stage("square", SquareL1(), norms=("l1",), share=1.0),
        Stage("sparse-rs", SparseRS(), norms=("l0", "l0:min"), share=1.0),
        Stage("estimated-hlrf", Estimated(HLRF()), norms=("linf:min", "l2:min", "l1:min"), share=1.0),
    ),
    QUERIES,
)
"""What reads scores only, for models without gradients, such as those behind an address: search at random, or climbs
along gradients that are told from scores, whichever comes closer on a sample."""

labels: tuple[Stage, ...] = (
    Stage("triangle", Triangle(99), norms=("l2:min",)),
    Stage("cgba", CGBA(2500), norms=("linf", "l2", "linf:min", "l2:min")),
    Stage("rays", RayS(2500), norms=("linf", "linf:min")),
    Stage("surfree", SurFree(2500), norms=("l2", "l2:min")),
)
"""What sees the predicted classes only, for targets that answer with nothing else: along the boundary's normals, then
without any, where these mislead. The smallest change in L2 is brought near by 100 queries without normals, which have
to be learnt first. 5,000 queries if there is no budget."""

trees: tuple[Stage, ...] = (Stage("rays", RayS(QUERIES), norms=("linf:min",)),)
"""For models of trees, whose answers are constant on boxes: without slopes, which are zero there, and without
normals, which mislead. Sees the predicted classes only."""

_SMALLEST = {"min-l2": min_l2, "min-linf": min_linf, "min-l1": min_l1, "min-l0": min_l0}
SUITES = {
    "standard": standard,
    "fast": fast,
    "smoke": smoke,
    "blackbox": blackbox,
    "labels": labels,
    "trees": trees,
    **_SMALLEST,
}


def suited(suite: str | Sequence[Stage | Attack], norm: str) -> str | Sequence[Stage | Attack]:
    """The suite, but for `fast` where it has no stages of its own (L0, smallest changes): there it is `standard`."""
    none = suite == "fast" and not any(norm in stage.norms for stage in fast)
    return "standard" if none else suite


def stages_for(suite: str | Sequence[Stage | Attack], norm: str) -> tuple[Stage, ...]:
    """The stages of a suite that are meant for a norm; bare attacks become stages of their own, for every norm.

    Args:
        suite: The name of a suite, or stages and attacks in order.
        norm: `l2`, or `l2:min` where the smallest change is looked for.

    Raises:
        UsageError: The suite is unknown, or has nothing for this norm.
    """
    suite = suited(suite, norm)
    if isinstance(suite, str):
        if suite not in SUITES:
            raise UsageError(f"unknown suite {suite!r}; {nearest(suite, SUITES)}")
        name, stages = suite, SUITES[suite]
    else:
        name = "given"
        stages = tuple(
            each if isinstance(each, Stage) else Stage(type(each).__name__.lower(), each, norms=_EVERY)
            for each in suite
        )
    fitting = tuple(stage for stage in stages if norm in stage.norms)
    if not fitting:
        known = sorted({each for stage in stages for each in stage.norms})
        instead = f"it has some for {', '.join(known) or 'nothing'}{_hint(norm, known)}"
        raise UsageError(f"the suite {name!r} has no attack for {norm}; {instead}")
    return fitting


def _hint(norm: str, known: Sequence[str]) -> str:
    """What to do where a budget was given to a search for the smallest change, or the reverse."""
    plain = norm.removesuffix(":min")
    if norm == plain and f"{plain}:min" in known:
        return f"; the smallest change has no budget: give the threat {plain}:min, and an eps to the gate"
    size = "24" if plain == "l0" else "0.5"
    return f"; give the suite min-{plain}, or a size such as {plain}:{size}" if norm != plain else ""
