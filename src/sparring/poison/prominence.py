"""Where scores alone say to look: the groups that stand out, found without knowing who is trusted.

A test that looks everywhere finds little anywhere. Poison that a detector sees lifts the top of its class above the top
of the other classes, and how many samples stand above says how many there may be. Both are read from the scores, which
know nothing of trust, so a test that looks there, and weighs what stands out most, keeps its rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

__all__ = ["EVERYWHERE", "Group", "counts", "prominent_groups"]

EVERYWHERE = -1
"""Stands for all classes together, where every class has a few suspicious samples."""

LEAST, GROWTH = 5, 1.15
"""The smallest number of most suspicious samples that is looked at, and the factor to the next."""

AROUND = (0.6, 1.7)
"""From where to where numbers are looked at, as shares of the number that stands out."""


@dataclass(frozen=True, eq=False)
class Group:
    """Samples to look at by one detector.

    Args:
        label: Their class, or `EVERYWHERE`.
        rows: (n,), all of them, the most suspicious first.
        sizes: How many of the most suspicious are looked at; none for a class that is too small.
        weight: Of what is found here.
    """

    label: int
    rows: Tensor
    sizes: tuple[int, ...]
    weight: float


def prominent_groups(scores: Tensor, labels: Tensor, generator: Generator) -> tuple[Group, ...]:
    """A group for each class, and one for all together.

    The class that stands out most has weight 1, the next 1/2, and so on. All classes together have one over the square
    of their number: poison in all of them is so many times as much.

    Args:
        scores: (N,), the more suspicious the higher.
        labels: (N,).
        generator: Puts equal scores in a random order.
    """
    orders = {
        int(label): _order(scores, (labels == label).nonzero()[:, 0], generator) for label in labels.unique()
    }
    profiles = {label: scores[order].double().numpy() for label, order in orders.items()}
    stand = {label: _standing_out(profile, profiles) for label, profile in profiles.items()}
    ranked = sorted(stand, key=lambda label: -stand[label][1])
    groups = [
        Group(label, orders[label], _sizes(len(orders[label]), stand[label][0]), 1 / place)
        for place, label in enumerate(ranked, 1)
    ]
    rows = torch.cat(list(orders.values()))
    places = torch.cat([torch.arange(len(order)) / len(order) for order in orders.values()])
    everywhere = rows[_order(-places, torch.arange(len(rows)), generator)]
    return (*groups, Group(EVERYWHERE, everywhere, counts(len(rows) // 2), 1 / len(groups) ** 2))


def _order(scores: Tensor, rows: Tensor, generator: Generator) -> Tensor:
    """The most suspicious first, ties in random order."""
    shuffled = rows[torch.randperm(len(rows), generator=generator)]
    return shuffled[scores[shuffled].argsort(descending=True, stable=True)]


def _standing_out(own: np.ndarray, profiles: dict[int, np.ndarray]) -> tuple[int, float]:
    """How many samples stand out most from the median class at the same places, and how far.

    The farthest is the largest mean excess times the root of its number, which finds a small group that stands far
    above and a large one that stands a little above. Scores come sorted, the largest first; only the upper half of the
    class is looked at.
    """
    places = (np.arange(max(len(own) // 2, 1)) + 0.5) / len(own)
    usual = np.median(
        [np.interp(places, (np.arange(len(each)) + 0.5) / len(each), each) for each in profiles.values()],
        axis=0,
    )
    above = (own[: len(places)] - usual).cumsum() / np.sqrt(np.arange(len(places)) + 1)
    return int(above.argmax()) + 1, float(above.max())


def _sizes(members: int, standing: int) -> tuple[int, ...]:
    middle = max(standing, LEAST)
    return tuple(count for count in counts(members // 2) if AROUND[0] * middle <= count <= AROUND[1] * middle)


def counts(most: int) -> tuple[int, ...]:
    """Numbers of most suspicious samples from 5 up to `most`, each 15% larger than the last."""
    found, count = [], float(LEAST)
    while round(count) <= most:
        found.append(round(count))
        count = max(count * GROWTH, count + 1)
    return tuple(found)
