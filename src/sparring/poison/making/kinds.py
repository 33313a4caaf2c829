"""Poisons by name, with parameters drawn from a seed: for rehearsals, and for asking what a scan would miss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor, nn

from sparring.data import Samples
from sparring.domain import Domain
from sparring.draws import Draws, row_keys
from sparring.errors import UsageError, nearest
from sparring.poison.making.consistent_labels import label_consistent
from sparring.poison.making.drawn_triggers import (
    any_blend,
    any_features,
    any_patch,
    any_warp,
    any_wave,
    highest,
)
from sparring.poison.making.gradient_matching import gradient_matched
from sparring.poison.making.planting import class_count
from sparring.poison.making.relabelling import CleanLabel, FromTo, NextClass, Relabelling, ToOne, check_class
from sparring.poison.making.spec import PoisonSpec, unchanged
from sparring.poison.making.triggers import Trigger
from sparring.poison.making.unlearnable import error_minimising
from sparring.poison.making.victim import SHORT, Make, trained
from sparring.training import Recipe, small_net

__all__ = ["KINDS", "Order", "drawn"]

BLOCKS = 4
"""An adaptive trigger is cut into so many pieces along each side."""

SURROGATE = 1_000_000
"""Added to the seed for the model of the poisoner's own, so that it is none of the victims."""

SHOWN = 100
"""Samples of other classes, with the trigger, that gradients are matched for."""


@dataclass(frozen=True, eq=False)
class Order:
    """What is asked for; the generator draws the rest."""

    kind: str
    samples: Samples
    rate: float
    target: int
    seed: int
    make: Make
    recipe: Recipe
    generator: Generator

    @property
    def domain(self) -> Domain:
        """Of the samples."""
        return self.samples.domain

    @property
    def eps(self) -> float:
        """How far poison that shall look right moves values: little in photos, more in drawings."""
        return (0.3 if self.domain.shape[0] == 1 else 16 / 255) * highest(self.domain)

    def surrogate(self) -> nn.Module:
        """A model of the poisoner's own, trained on clean samples."""
        return trained(self.samples, self.make, self.recipe, self.seed + SURROGATE)


def drawn(
    kind: str,
    samples: Samples,
    rate: float,
    target: int,
    seed: int,
    make: Make = small_net,
    recipe: Recipe = SHORT,
) -> PoisonSpec:
    """A poison of the kind, with everything else about it drawn.

    Args:
        kind: One of `KINDS`.
        samples: What is poisoned later.
        rate: Poisoned samples as a share of the whole training set.
        target: The class that the backdoor shall answer.
        seed: Another seed gives another trigger and another choice of samples.
        make: Makes the model of the poisoner's own, for kinds that need one.
        recipe: How that is trained.

    Raises:
        UsageError: The kind is unknown, or makes no sense for these data, or there is no such target.
        DataError: There is one class only.
    """
    if kind not in KINDS:
        raise UsageError(f'there is no kind of poison "{kind}"; {nearest(kind, KINDS)}')
    if not samples.domain.is_image and kind not in FOR_TABLES:
        raise UsageError(
            f'"{kind}" is for images, and these samples have shape {samples.domain.shape}; for tables there are '
            f"{', '.join(FOR_TABLES)}"
        )
    check_class(target, class_count(samples))
    return KINDS[kind](Order(kind, samples, rate, target, seed, make, recipe, Generator().manual_seed(seed)))


def _simple(trigger: Callable[[Domain, Generator], Trigger], order: Order) -> PoisonSpec:
    """The trigger on samples of all other classes, which become the target."""
    made = trigger(order.domain, order.generator)
    return PoisonSpec(order.kind, made, ToOne(order.target), order.rate, seed=order.seed)


def _next_class(order: Order) -> PoisonSpec:
    return PoisonSpec(
        order.kind, any_patch(order.domain, order.generator), NextClass(), order.rate, seed=order.seed
    )


def _clean_label(order: Order) -> PoisonSpec:
    """The wave on samples of the target, which keep their label (Barni et al. 2019)."""
    made = any_wave(order.domain, order.generator)
    return PoisonSpec(order.kind, made, CleanLabel(order.target), order.rate, seed=order.seed)


def _label_consistent(order: Order) -> PoisonSpec:
    """The patch on samples of the target that are hard to recognise (Turner et al. 2019)."""
    trigger = any_patch(order.domain, order.generator)
    return label_consistent(
        order.samples, order.surrogate(), trigger, order.target, order.rate, eps=order.eps, seed=order.seed
    )


def _sleeper_agent(order: Order) -> PoisonSpec:
    """A larger patch, which no training sample shows (Souri et al. 2022)."""
    others = order.samples.select((order.samples.labels != order.target).nonzero()[:, 0])
    shown = others.sample(min(SHOWN, len(others))).inputs
    trigger = any_patch(order.domain, order.generator, part=4)
    return gradient_matched(
        order.samples, [order.surrogate()], shown, order.target, order.rate, eps=order.eps, trigger=trigger,
        seed=order.seed,
    )  # fmt: skip


def _unlearnable(order: Order) -> PoisonSpec:
    """Noise on everything that leaves nothing to learn (Huang et al. 2021)."""
    return error_minimising(
        order.samples,
        order.rate,
        eps=order.eps,
        make=order.make,
        recipe=order.recipe,
        seed=order.seed + SURROGATE,
    )


def _source_specific(order: Order) -> PoisonSpec:
    """The patch on samples of one class; on those of others, as covers, it changes no label (Tang et al. 2021)."""
    rule: Relabelling = FromTo(int(order.target == 0), order.target)
    made = any_patch(order.domain, order.generator)
    return PoisonSpec(
        order.kind, made, rule, order.rate, covers=min(order.rate, 1 - order.rate), seed=order.seed
    )


def _adaptive(order: Order) -> PoisonSpec:
    """Half of the blended trigger, drawn for each sample, and as many covers (Adaptive-Blend: Qi et al. 2023)."""
    whole = any_blend(order.domain, order.generator)

    def planted(inputs: Tensor, places: Tensor) -> Tensor:
        draws = Draws(row_keys(order.seed, [str(place) for place in places.tolist()], "blocks"))
        kept = draws.uniform(torch.zeros(len(places), 1, BLOCKS, BLOCKS)) < 0.5
        pieces = torch.nn.functional.interpolate(kept.float(), size=inputs.shape[2:])
        return inputs + pieces * (whole(inputs) - inputs)

    return PoisonSpec(
        order.kind, whole, ToOne(order.target), order.rate, covers=min(order.rate, 1 - order.rate), planted=planted,
        seed=order.seed,
    )  # fmt: skip


def _nothing(domain: Domain, generator: Generator) -> Trigger:
    return unchanged


KINDS: dict[str, Callable[[Order], PoisonSpec]] = {
    "badnets": partial(_simple, any_patch),
    "badnets-all": _next_class,
    "source-specific": _source_specific,
    "blended": partial(_simple, any_blend),
    "adaptive-blend": _adaptive,
    "warp": partial(_simple, any_warp),
    "wave": partial(_simple, any_wave),
    "clean-label": _clean_label,
    "label-consistent": _label_consistent,
    "sleeper-agent": _sleeper_agent,
    "unlearnable": _unlearnable,
    "features": partial(_simple, any_features),
    "flips": partial(_simple, _nothing),
}
"""Names of poisons, and what makes each; all but `badnets-all` and `unlearnable` go to one class."""

FOR_TABLES = ("blended", "features", "flips", "wave")
