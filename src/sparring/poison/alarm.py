"""Is anything planted? An alarm whose rate on clean data holds, whatever the detectors and the data are.

Trusted samples are mixed with the scanned ones before anything learns from them, and nothing that follows is told which
are which. If nothing was planted, the two are alike, class by class: then every way to hand out the word "trusted"
within the classes was equally likely, whatever scores the samples got. So the scores stay, the word is handed out again
many times, and the share of times at which trusted samples are at least as rare among the most suspicious ones is a
p-value that holds exactly (a permutation test: Fisher 1935; Hemerik & Goeman 2018,
https://doi.org/10.1007/s11749-017-0571-1).

How rare they are is said by the smallest chance, over classes, detectors and numbers k, that k samples drawn at random
hold so few trusted ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, log

import numpy as np
import torch
from scipy.special import bdtr
from torch import Tensor

__all__ = ["EVERYWHERE", "Alarm", "Peak", "fewest_findable", "judge"]

EVERYWHERE = -1
"""Stands for all classes together, where every class has a few suspicious samples."""

LEAST, GROWTH = 5, 1.15
"""The smallest number of most suspicious samples that is looked at, and the factor to the next."""


@dataclass(frozen=True, eq=False)
class Peak:
    """Where trusted samples are rarest for one detector and one class.

    Args:
        detector: Its name.
        label: The class, `EVERYWHERE` for all together.
        rows: The most suspicious samples that hold so few trusted ones, the most suspicious first, (K,).
        trusted: How many trusted ones they hold.
        expected: How many they would hold on average.
        chance: That so many samples, drawn at random, hold so few trusted ones; smallest of many, so no p-value.
        p_value: Share of relabellings in which something is as rare, over all detectors and classes.
    """

    detector: str
    label: int
    rows: Tensor
    trusted: int
    expected: float
    chance: float
    p_value: float


@dataclass(frozen=True)
class Alarm:
    """What the test found: the chance that clean data look so suspicious, and where, the rarest first."""

    p_value: float
    peaks: tuple[Peak, ...]


def judge(
    scores: Mapping[str, Tensor], labels: Tensor, trusted: Tensor, relabellings: int = 999, seed: int = 0
) -> Alarm:
    """Test whether trusted samples are too rare among the most suspicious.

    Args:
        scores: By detector, (N,), the more suspicious the higher. Equal scores within a class are put in a random
            order; rows must stand in an order that says nothing about who is trusted, as those of a pool do.
        labels: (N,).
        trusted: (N,) bool.
        relabellings: How often the word is handed out again; no p-value is below 1 / (this + 1).
        seed: Of relabellings and ties.
    """
    generator = torch.Generator().manual_seed(seed)
    groups = {int(label): (labels == label).nonzero()[:, 0] for label in labels.unique()}
    handed = _handed_out(groups.values(), trusted, relabellings, generator)
    groups[EVERYWHERE] = torch.arange(len(labels))
    tried = []
    for detector, values in scores.items():
        places = _places(values, groups, generator)
        for label, rows in groups.items():
            order = rows[places[rows].argsort()]
            tried.append((detector, label, order, *_rarest(handed[:, order])))
    overall = torch.stack([rarest for *_, rarest, _ in tried]).amin(0)
    peaks = [
        Peak(
            detector,
            label,
            order[:count],
            int(trusted[order[:count]].sum()),
            count * float(trusted[order].float().mean()),
            float(rarest[0]),
            float((overall <= rarest[0]).double().mean()),
        )
        for detector, label, order, rarest, count in tried
    ]
    return Alarm(
        float((overall <= overall[0]).double().mean()), tuple(sorted(peaks, key=lambda peak: peak.chance))
    )


def fewest_findable(labels: Tensor, trusted: Tensor, level: float, tests: int) -> int | None:
    """The fewest poisoned samples of one class that could raise an alarm if a detector put them all in front.

    A rule of thumb (Bonferroni over `tests`); the power analysis measures what a scan really finds. None if no
    number could, because a class has no trusted samples.
    """
    worst = 0
    for label in labels.unique():
        share = float(trusted[labels == label].float().mean())
        if share == 0:
            return None
        if share == 1:  # nothing of this class is scanned
            continue
        worst = max(worst, ceil(log(level / tests) / log(1 - share)))
    return worst


def _handed_out(
    groups: Iterable[Tensor], trusted: Tensor, relabellings: int, generator: torch.Generator
) -> Tensor:
    """The true word in the first row, and within each group as many trusted ones by chance in the others."""
    handed = trusted.expand(relabellings + 1, -1).clone()
    for rows in groups:
        order = torch.rand(relabellings, len(rows), generator=generator).argsort(1)
        handed[1:, rows] = trusted[rows][order]
    return handed


def _places(values: Tensor, groups: Mapping[int, Tensor], generator: torch.Generator) -> Tensor:
    """The place of each sample within its class, 0 the most suspicious, 1 the least; ties in random order."""
    places = torch.zeros(len(values), dtype=torch.float64)
    for label, rows in groups.items():
        if label != EVERYWHERE:
            shuffled = rows[torch.randperm(len(rows), generator=generator)]
            order = shuffled[values[shuffled].argsort(descending=True, stable=True)]
            places[order] = torch.arange(len(order), dtype=torch.float64) / len(order)
    return places


def _rarest(handed: Tensor) -> tuple[Tensor, int]:
    """For each row of `handed` (R, n), most suspicious first: the smallest chance; and the first row's number k."""
    total, members = handed.shape[1], int(handed[0].sum())
    counts = _counts(total // 2)
    if not counts or members == 0:
        return torch.ones(len(handed), dtype=torch.float64), 0
    ends = torch.tensor(counts)
    seen = handed.cumsum(1, dtype=torch.int32)[:, ends - 1].long()
    table = torch.from_numpy(bdtr(np.arange(members + 1.0), ends[:, None].numpy(), members / total))
    chances = table.gather(1, seen.T).T
    return chances.amin(1), counts[int(chances[0].argmin())]


def _counts(most: int) -> list[int]:
    counts, count = [], float(LEAST)
    while round(count) <= most:
        counts.append(round(count))
        count = max(count * GROWTH, count + 1)
    return counts
