"""PatchCleanser: answers that no patch of a known size can change, certified (Xiang, Mahloujifar & Mittal 2022,
https://arxiv.org/abs/2108.09135).

Squares are laid over the picture, so many that wherever the patch is, one of them covers it. If the model is right
under every pair of them, the answer below is right whatever the patch shows.

Deviation: pictures are covered with one grey, not with the mean of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from sparring.errors import UsageError

__all__ = ["PatchCleanser"]


@dataclass(frozen=True)
class PatchCleanser:
    """A model that covers parts of its inputs before it believes itself. It has no gradients: it compares labels.

    Attributes:
        model: Inputs `(B, C, size, size)` in [0, 1] to logits.
        size: Height and width of the inputs.
        patch: Side in pixels of the largest square patch that is withstood.
        masks: Covering squares per axis. More are smaller and cost more: `masks² (masks² + 1) / 2` forwards to certify.
        grey: What squares are filled with.
        batch: Most pictures shown to the model at once.

    Raises:
        UsageError: The patch is not smaller than the picture, or there are too few masks to make sense.
    """

    model: Callable[[Tensor], Tensor]
    size: int
    patch: int
    masks: int = 6
    grey: float = 0.5
    batch: int = 512

    def __post_init__(self) -> None:
        if not 1 <= self.patch < self.size:
            raise UsageError(
                f"a patch of {self.patch} pixels is not smaller than a picture of {self.size} pixels"
            )
        if self.masks < 2:
            raise UsageError(f"a certificate needs at least 2 masks per axis, but got {self.masks}")

    @property
    def squares(self) -> tuple[tuple[int, int], ...]:
        """Upper left corners of the covering squares."""
        last = self.size - self.side
        places = sorted({min(step * self.stride, last) for step in range(self.masks)})
        return tuple((down, across) for down in places for across in places)

    @property
    def stride(self) -> int:
        """Pixels from one square to the next."""
        return -(-(self.size - self.patch + 1) // self.masks)

    @property
    def side(self) -> int:
        """Of a square: any window of the patch's size lies in one of them."""
        return min(self.size, self.patch + self.stride - 1)

    def answers(self, inputs: Tensor) -> Tensor:
        """The labels `(B,)`, by double masking.

        Cost: `masks²` forwards where all agree, and as many again for every square that disagrees.
        """
        once = torch.stack([self._labels(inputs, [square]) for square in self.squares], 1)
        majority = once.mode(1).values
        found = majority.clone()
        for row in (once != majority[:, None]).any(1).nonzero().squeeze(1).tolist():
            found[row] = self._settled(inputs[row : row + 1], once[row], int(majority[row]))
        return found

    def certified(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Which rows `(B,)` are answered with their label whatever one square patch of this size shows, anywhere."""
        right = torch.ones(len(inputs), dtype=torch.bool)
        for first, second in self._pairs():
            rows = right.nonzero().squeeze(1)
            if len(rows):
                right[rows] = self._labels(inputs[rows], [first, second]) == labels[rows]
        return right

    def _settled(self, row: Tensor, once: Tensor, majority: int) -> int:
        """The second round for one picture: a minority is believed if it is stable under all second squares."""
        for index in (once != majority).nonzero().squeeze(1).tolist():
            covered = torch.cat(
                [self._covered(row, [self.squares[index], second]) for second in self.squares]
            )
            if bool((self._asked(covered) == once[index]).all()):
                return int(once[index])
        return majority

    def _pairs(self) -> Iterable[tuple[tuple[int, int], tuple[int, int]]]:
        yield from ((square, square) for square in self.squares)
        yield from combinations(self.squares, 2)

    def _labels(self, inputs: Tensor, squares: list[tuple[int, int]]) -> Tensor:
        return self._asked(self._covered(inputs, squares))

    def _covered(self, inputs: Tensor, squares: list[tuple[int, int]]) -> Tensor:
        covered = inputs.clone()
        for down, across in squares:
            covered[..., down : down + self.side, across : across + self.side] = self.grey
        return covered

    def _asked(self, inputs: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cat([self.model(part).argmax(1) for part in inputs.split(self.batch)])
