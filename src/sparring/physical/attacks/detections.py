"""What a detector finds in a picture, what is left of it when neighbours are suppressed, and how good that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from sparring.errors import ModelError

__all__ = ["Detections", "Detector", "area", "average_precision", "checked", "judged", "kept", "overlap"]


@dataclass(frozen=True)
class Detections:
    """Everything that a detector proposes, before any of it is suppressed; gradients reach the scores.

    Attributes:
        boxes: `(B, N, 4)`: left, top, right, lower edge, in pixels of the picture.
        scores: `(B, N)` from 0 to 1.
        labels: `(B, N)` whole numbers.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor


class Detector(Protocol):
    """Any callable from pictures `(B, 3, H, W)` in [0, 1] to what it proposes."""

    def __call__(self, inputs: Tensor, /) -> Detections: ...


def checked(found: Detections, rows: int) -> Detections:
    """The same, if its shapes belong together.

    Raises:
        ModelError: They do not.
    """
    shape = tuple(found.scores.shape)
    if len(shape) != 2 or shape[0] != rows or tuple(found.labels.shape) != shape:
        raise ModelError(
            f"a detector gives scores and labels (B, N), {rows} rows of them here, but it gave scores {shape} and "
            f"labels {tuple(found.labels.shape)}"
        )
    if tuple(found.boxes.shape) != (*shape, 4):
        raise ModelError(
            f"a detector gives a box of 4 numbers for each of {shape} scores, but it gave {tuple(found.boxes.shape)}"
        )
    return found


def overlap(boxes: Tensor, others: Tensor) -> Tensor:
    """Shared area over joint area of boxes `(..., N, 4)` and `(..., M, 4)`: `(..., N, M)`, from 0 to 1."""
    one, two = boxes[..., :, None, :], others[..., None, :, :]
    shared = (torch.minimum(one[..., 2:], two[..., 2:]) - torch.maximum(one[..., :2], two[..., :2])).clamp(
        min=0
    )
    areas = [(each[..., 2:] - each[..., :2]).clamp(min=0).prod(-1) for each in (one, two)]
    common = shared.prod(-1)
    return common / (areas[0] + areas[1] - common).clamp(min=1e-9)


def kept(boxes: Tensor, scores: Tensor, labels: Tensor, most: float = 0.5) -> Tensor:
    """Which of one picture's boxes `(N, 4)` stay, best first: each drops weaker ones of its label that overlap it.

    Args:
        boxes: `(N, 4)`.
        scores: `(N,)`.
        labels: `(N,)`.
        most: Overlap above which the weaker one is dropped.
    """
    left, stays = scores.argsort(descending=True, stable=True), []
    while len(left):
        best, left = left[0], left[1:]
        stays.append(best)
        same = (overlap(boxes[best][None], boxes[left])[0] > most) & (labels[left] == labels[best])
        left = left[~same]
    return torch.stack(stays) if stays else left


def average_precision(
    found: Sequence[Detections], truth: Sequence[Tensor], label: int, least: float = 0.5
) -> float:
    """The area under precision over recall, all points, precision made falling (Everingham et al. 2010, as of 2010).

    Neighbours are suppressed first. A box counts once, for the true box that it overlaps most.

    Args:
        found: One per picture, each with one row.
        truth: True boxes `(T, 4)` of each picture, all of `label`.
        label: Of the class that is judged; other boxes are left out.
        least: Overlap from which a box is right.
    """
    ranked = [judged(each, boxes, label, least) for each, boxes in zip(found, truth, strict=True)]
    return area([pair for each in ranked for pair in each], sum(len(boxes) for boxes in truth))


def judged(found: Detections, truth: Tensor, label: int, least: float = 0.5) -> list[tuple[float, bool]]:
    """Scores of one picture's boxes that are left, and whether each is the first to be right about a true one."""
    mine = found.labels[0] == label
    boxes, scores, labels = (each[0][mine] for each in (found.boxes, found.scores, found.labels))
    taken: set[int] = set()
    pairs = []
    for row in kept(boxes, scores, labels).tolist():
        shares = overlap(boxes[row][None], truth)[0] if len(truth) else truth.new_zeros(1)
        best = int(shares.argmax())
        hit = bool(shares[best] >= least) and best not in taken
        taken |= {best} if hit else set()
        pairs.append((float(scores[row]), hit))
    return pairs


def area(pairs: Sequence[tuple[float, bool]], objects: int) -> float:
    """Average precision of what `judged` said of all pictures, in which there are so many true boxes."""
    right = torch.tensor([hit for _, hit in sorted(pairs, key=lambda pair: -pair[0])], dtype=torch.float64)
    if not bool(right.any()):
        return 0.0
    precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
    falling = precision.flip(0).cummax(0).values.flip(0)
    return float((falling * right).sum() / objects)
