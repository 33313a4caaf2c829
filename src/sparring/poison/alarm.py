"""Is anything planted? An alarm whose rate on clean data holds, whatever the detectors and the data are.

Trusted samples are mixed with the scanned ones before anything learns from them, and nothing that follows is told which
are which. If nothing was planted, the two are alike, class by class: then every way to hand out the word "trusted"
within the classes was equally likely, whatever scores the samples got. So the scores stay, the word is handed out again
many times, and the share of times at which there is as much evidence of poison is a p-value that holds exactly (a
permutation test: Fisher 1935; Hemerik & Goeman 2018, https://doi.org/10.1007/s11749-017-0571-1).

The evidence is a likelihood ratio: how much better the most suspicious samples, so many of them trusted, are explained
if a share of them is poison, which is never trusted, than if none is. It is averaged over sizes of the group and over
such shares, and weighed by how far the group stands out (`prominence`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, log

import torch
from torch import Tensor

from sparring.poison.prominence import EVERYWHERE, Group, counts, prominent_groups

__all__ = ["EVERYWHERE", "Alarm", "Peak", "fewest_findable", "judge"]

PURITIES = (0.5, 0.7, 0.9)
"""Shares of poison in a group of suspicious samples that are thought of."""


@dataclass(frozen=True, eq=False)
class Peak:
    """What speaks for poison in one class by one detector.

    Args:
        detector: Its name.
        label: The class, `EVERYWHERE` for all together.
        rows: The suspicious samples for which most speaks, the most suspicious first, (K,).
        trusted: How many trusted ones they hold.
        expected: How many they would hold on average.
        evidence: Logarithm of the weighted likelihood ratio.
        p_value: Share of relabellings in which there is as much evidence anywhere, over all detectors and classes.
    """

    detector: str
    label: int
    rows: Tensor
    trusted: int
    expected: float
    evidence: float
    p_value: float


@dataclass(frozen=True)
class Alarm:
    """What the test found: the chance that clean data look so suspicious, and where, the strongest evidence first."""

    p_value: float
    peaks: tuple[Peak, ...]


def judge(
    scores: Mapping[str, Tensor], labels: Tensor, trusted: Tensor, relabellings: int = 999, seed: int = 0
) -> Alarm:
    """Test whether trusted samples are too rare among the most suspicious.

    Args:
        scores: By detector, (N,), the more suspicious the higher, best on one scale for all classes. Equal scores
            within a class are put in a random order; rows must stand in an order that says nothing about who is
            trusted, as those of a pool do.
        labels: (N,).
        trusted: (N,) bool.
        relabellings: How often the word is handed out again; no p-value is below 1 / (this + 1).
        seed: Of relabellings and ties.
    """
    generator = torch.Generator().manual_seed(seed)
    members = [(labels == label).nonzero()[:, 0] for label in labels.unique()]
    handed = _handed_out(members, trusted, relabellings, generator)
    tried = [
        (detector, group, _evidence(handed, group), _named(trusted, group))
        for detector, values in scores.items()
        for group in prominent_groups(values, labels, generator)
    ]
    strongest = torch.stack([evidence for *_, evidence, _ in tried]).amax(0)
    peaks = [
        Peak(
            detector,
            group.label,
            group.rows[:count],
            int(trusted[group.rows[:count]].sum()),
            count * float(trusted[group.rows].float().mean()),
            float(evidence[0]),
            float((strongest >= evidence[0]).double().mean()),
        )
        for detector, group, evidence, count in tried
    ]
    return Alarm(
        float((strongest >= strongest[0]).double().mean()),
        tuple(sorted(peaks, key=lambda peak: -peak.evidence)),
    )


def fewest_findable(labels: Tensor, trusted: Tensor, level: float, detectors: int) -> int | None:
    """The fewest poisoned samples of one class that could raise an alarm if a detector put them all in front.

    A rule of thumb, by a bound on the evidence (its mean on clean data is the sum of the weights at most, so that
    Markov's inequality holds); the power analysis measures what a scan really finds. None if no number could, because
    a class has no trusted samples.
    """
    classes = labels.unique()
    weights = [1 / place for place in range(1, len(classes) + 1)]
    tests = detectors * (sum(weights) + weights[-1] ** 2)
    worst = 0
    for label in classes:
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


def _evidence(handed: Tensor, group: Group) -> Tensor:
    """For each row of `handed` (R, N), the evidence in a group (R,)."""
    if not group.sizes:
        return torch.full((len(handed),), -torch.inf, dtype=torch.float64)
    ratios = _ratios(handed[:, group.rows], group.sizes)
    return ratios.flatten(1).logsumexp(1) - log(ratios[0].numel()) + log(group.weight)


def _named(trusted: Tensor, group: Group) -> int:
    """How many of the most suspicious are blamed: that number, of any, for which most speaks."""
    sizes = counts(len(group.rows) // 2)
    return sizes[int(_ratios(trusted[None, group.rows], sizes)[0].logsumexp(1).argmax())] if sizes else 0


def _ratios(ordered: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Logarithms of likelihood ratios, by size and share of poison, of who is trusted (R, n), most suspicious first."""
    share = float(ordered[0].double().mean())
    numbers, purities = torch.tensor(sizes), torch.tensor(PURITIES, dtype=torch.float64)
    seen = ordered[:, : sizes[-1]].cumsum(1, dtype=torch.int32)[:, numbers - 1, None].double()
    if_trusted = (1 - purities).log()
    if_not = (1 - purities + purities / max(1 - share, 1e-9)).log()
    return seen * if_trusted + (numbers[:, None] - seen) * if_not
