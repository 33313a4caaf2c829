"""Many base models, each of a part of the training set that the samples' own content chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.errors import UsageError
from sparring.poison.certified.aggregation import Certified
from sparring.poison.outlines import outlines
from sparring.poison.planting import class_count

__all__ = ["Learner", "certify", "partitions", "ridge"]

Learner = Callable[[Tensor, Tensor, int], Callable[[Tensor], Tensor]]
"""From inputs `(n, *shape)`, labels `(n,)` and the number of classes to a function from inputs to scores `(B, C)`. Must
give the same function, bit for bit, for the same samples: the certificate rests on it."""

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


def certify(
    train: Samples,
    test: Samples,
    count: int,
    aggregate: Callable[[Tensor], Certified],
    learner: Learner = ridge,
    features: Callable[[Tensor], Tensor] = outlines,
    told: Callable[[int, int], None] | None = None,
) -> Certified:
    """Train `count` base models on disjoint parts of `train`, and certify the answers to `test`.

    The number of classes counts as known: the certificate is about samples with the labels that `train` has.

    Args:
        train: Perhaps poisoned. Within a part samples stand in the order of their names, so that order plays no role.
        test: Asked about.
        count: Of parts, and of base models; an empty part gives a model that scores all classes 0.
        aggregate: `plurality` or `run_off`.
        learner: Of the base models.
        features: What base models see of inputs (B, *shape); must be fixed beforehand, not learned from `train`.
        told: Told after each base model how many are trained, of how many.

    Raises:
        UsageError: There are more parts than samples, or fewer than two.
    """
    if not 2 <= count <= len(train):
        raise UsageError(f"{len(train):,} samples can be cut into 2 to {len(train):,} parts, not {count:,}")
    classes = class_count(train)
    part = partitions(train.ids, count)
    order = torch.tensor(sorted(range(len(train)), key=train.ids.__getitem__))
    asked = torch.cat([features(inputs) for inputs in test.inputs.split(BATCH)])
    scores = torch.zeros(len(test), count, classes)
    for each in range(count):
        rows = order[part[order] == each]
        if len(rows):
            model = learner(features(train.inputs[rows]), train.labels[rows], classes)
            scores[:, each] = model(asked)
        if told is not None:
            told(each + 1, count)
    found = [aggregate(piece) for piece in scores.split(BATCH)]
    return Certified(torch.cat([each.answers for each in found]), torch.cat([each.radius for each in found]))
