"""Labels flipped where it hurts: by margin on any model, and exactly on a linear one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.errors import DataError
from sparring.poison.evidence import evidence_of
from sparring.poison.making.relabelling import ToOne
from sparring.poison.making.spec import PoisonSpec, unchanged

__all__ = ["contributions", "margin_flips", "signs_of", "worst_flips"]


def margin_flips(model: Callable[[Tensor], Tensor], target: int, rate: float, seed: int = 0) -> PoisonSpec:
    """Give the label `target` to those samples of other classes that lie deepest on their own side.

    Wrong labels far from the border hurt most (after Biggio, Nelson & Laskov 2011,
    https://proceedings.mlr.press/v20/biggio11.html).

    Args:
        model: Of such data, to see margins; gives logits (B, C).
        target: The label that they get.
        rate: Flipped samples as a share of the whole training set.
        seed: Decides among equal margins.
    """

    def depth(samples: Samples) -> Tensor:
        logits = evidence_of(model, samples.inputs, samples.labels).logits
        own = logits.gather(1, samples.labels[:, None])[:, 0]
        return own - logits.scatter(1, samples.labels[:, None], -torch.inf).amax(1)

    return PoisonSpec("margin-flips", unchanged, ToOne(target), rate, first=depth, seed=seed)


def worst_flips(train: Samples, chosen: Tensor, count: int, pull: float = 1.0) -> tuple[Tensor, float]:
    r"""The flips that move the score of one sample furthest, for a linear least-squares SVM: the exact optimum.

    The machine (Suykens & Vandewalle 1999, https://doi.org/10.1023/A:1018628609742, without offset) has the weights
    $w = X^T (X X^T + \lambda I)^{-1} y$ with labels $y = \pm 1$, so the score of a sample is a sum with one term per
    label, and a flip turns the sign of its term. The best `count` flips are therefore the largest terms.

    Args:
        train: Two classes, 0 and 1.
        chosen: (*shape), the sample whose score shall move away from its side.
        count: Flips at most; fewer are taken if more would not help.
        pull: $\lambda$.

    Returns:
        Positions of the flipped samples, the most useful first, and the score after them; class 1 is above 0.

    Raises:
        DataError: There are other classes than 0 and 1.
    """
    terms = contributions(train, chosen, pull)
    score = float(terms.sum())
    side = 1.0 if score >= 0 else -1.0
    ranked = (side * terms).argsort(descending=True, stable=True)[:count]
    helpful = ranked[side * terms[ranked] > 0]
    return helpful, score - 2 * float(terms[helpful].sum())


def contributions(train: Samples, chosen: Tensor, pull: float = 1.0) -> Tensor:
    """What each training label adds to the score of `chosen`, (N,)."""
    signs = signs_of(train)
    flat, point = train.inputs.flatten(1).double(), chosen.flatten().double()
    gram = flat @ flat.T + pull * torch.eye(len(flat), dtype=torch.float64)
    return torch.linalg.solve(gram, flat @ point) * signs


def signs_of(train: Samples) -> Tensor:
    """Labels 0 and 1 as -1 and 1: (N,).

    Raises:
        DataError: There are others, or one is missing.
    """
    if not bool(((train.labels == 0) | (train.labels == 1)).all()) or len(train.labels.unique()) < 2:
        raise DataError(
            "flips of a linear machine need the classes 0 and 1, both of them; choose two classes"
        )
    return 2 * train.labels.double() - 1
