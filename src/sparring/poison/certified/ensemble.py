"""Many base models, each of a part of the training set that the samples' own content chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.errors import UsageError
from sparring.poison.certified.aggregation import Certified
from sparring.poison.making.planting import class_count
from sparring.poison.outlines import outlines

__all__ = ["Aggregate", "Learner", "certify", "partitions", "ridge", "spreading"]

Learner = Callable[[Tensor, Tensor, int], Callable[[Tensor], Tensor]]
"""From inputs `(n, *shape)`, labels `(n,)` and the number of classes to a function from inputs to scores `(B, C)`. Must
give the same function, bit for bit, for the same samples: the certificate rests on it."""

Aggregate = Callable[[Tensor, Tensor], Certified]
"""From scores (M, K, C) and the base models that each part feeds (P, d) to certified answers."""

PULL = 0.03
BATCH = 200


def partitions(ids: Sequence[str], count: int) -> Tensor:
    """The part of each sample, (N,): its SHA-256 modulo `count`, so other samples have no say in it."""
    return torch.tensor([int(name[:64], 16) % count for name in ids])


def ridge(inputs: Tensor, labels: Tensor, classes: int) -> Callable[[Tensor], Tensor]:
    """Ridge regression onto one-hot labels, solved exactly: a millisecond for a few dozen samples."""
    flat = inputs.flatten(1).double()
    targets = torch.nn.functional.one_hot(labels, classes).double() - 1 / classes
    mean = flat.mean(0)
    centred = flat - mean
    gram = centred @ centred.T + PULL * torch.eye(len(flat), dtype=torch.float64)
    weights = (centred.T @ torch.linalg.solve(gram, targets)).float()
    offset = -(mean.float() @ weights)
    return lambda given: given.flatten(1) @ weights + offset


def spreading(count: int, spread: int) -> Tensor:
    """The base models that learn from each of `count * spread` parts, and no two parts the same: (P, spread).

    Part p feeds the models p + r modulo P for `spread` distances r that are drawn once, as in finite aggregation.
    """
    total = count * spread
    drawn = 1 + torch.randperm(total - 1, generator=torch.Generator().manual_seed(0))[: spread - 1]
    distances = torch.cat([torch.zeros(1, dtype=torch.long), drawn])
    return (torch.arange(total)[:, None] + distances) % total


def certify(
    train: Samples,
    test: Samples,
    count: int,
    aggregate: Aggregate,
    spread: int = 1,
    learner: Learner = ridge,
    features: Callable[[Tensor], Tensor] = outlines,
    told: Callable[[int, int], None] | None = None,
) -> Certified:
    """Train `count * spread` base models, each on a `count`-th of `train`, and certify the answers to `test`.

    With `spread` 1, each learns from a part of its own (deep partition aggregation). With more, the data are cut into
    `count * spread` parts and each base model learns from `spread` of them (finite aggregation: Wang, Levine & Feizi
    2022, https://arxiv.org/abs/2202.02628). The number of classes counts as known: the certificate is about samples
    with the labels that `train` has.

    Args:
        train: Perhaps poisoned. Within a part samples stand in the order of their names, so that order plays no role.
        test: Asked about.
        count: Of shares that `train` is cut into for a base model; one without samples scores all classes 0.
        aggregate: `plurality` or `run_off`.
        spread: How many base models learn from each part.
        learner: Of the base models.
        features: What base models see of inputs (B, *shape); must be fixed beforehand, not learned from `train`.
        told: Told after each base model how many are trained, of how many.

    Raises:
        UsageError: There are more parts than samples, or fewer than two, or no base model for a part.
    """
    if spread < 1 or not 2 <= count * spread <= len(train):
        raise UsageError(
            f"{len(train):,} samples can be cut into 2 to {len(train):,} parts, not {count * spread:,}"
        )
    classes, reach = class_count(train), spreading(count, spread)
    order = torch.tensor(sorted(range(len(train)), key=train.ids.__getitem__))
    feeds = reach[partitions(train.ids, len(reach))[order]]  # (N, spread)
    known, asked = (_seen(features, samples) for samples in (train, test))
    scores = torch.zeros(len(test), len(reach), classes)
    for each in range(len(reach)):
        rows = order[(feeds == each).any(1)]
        if len(rows):
            scores[:, each] = learner(known[rows], train.labels[rows], classes)(asked)
        if told is not None:
            told(each + 1, len(reach))
    found = [aggregate(piece, reach) for piece in scores.split(BATCH)]
    return Certified(torch.cat([each.answers for each in found]), torch.cat([each.radius for each in found]))


def _seen(features: Callable[[Tensor], Tensor], samples: Samples) -> Tensor:
    return torch.cat([features(inputs) for inputs in samples.inputs.split(BATCH)])
