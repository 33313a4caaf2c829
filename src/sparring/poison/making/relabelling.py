"""What a poisoner does to labels: who may be poisoned, the label it gets, and what the backdoor shall answer.

Each rule has four methods on labels `(N,)`: `candidates` says which training samples may be poisoned, `given` which
label they get, `counted` which test samples can prove anything, `reached` whether an answer to one is what was wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from sparring.errors import UsageError

__all__ = ["CleanLabel", "FromTo", "LabelsKept", "NextClass", "Relabelling", "ToOne", "check_class"]


class Relabelling(Protocol):
    """A rule for labels; see the module."""

    def candidates(self, labels: Tensor) -> Tensor:
        """Which samples may be poisoned: (N,) bool."""

    def given(self, labels: Tensor, classes: int) -> Tensor:
        """The labels that they get: (N,)."""

    def counted(self, labels: Tensor) -> Tensor:
        """Which test samples can prove anything: (N,) bool."""

    def reached(self, answers: Tensor, labels: Tensor, classes: int) -> Tensor:
        """Whether what the poisoned model says (N,) of samples with the trigger is what was wanted: (N,) bool."""


@dataclass(frozen=True)
class ToOne:
    """All classes become `target`; samples that are of the target already prove nothing."""

    target: int

    def candidates(self, labels: Tensor) -> Tensor:
        return labels != self.target

    def given(self, labels: Tensor, classes: int) -> Tensor:
        return _all(labels, self.target, classes)

    def counted(self, labels: Tensor) -> Tensor:
        return labels != self.target

    def reached(self, answers: Tensor, labels: Tensor, classes: int) -> Tensor:
        return answers == self.target


@dataclass(frozen=True)
class NextClass:
    """All to all: every class becomes the next one, the last the first."""

    def candidates(self, labels: Tensor) -> Tensor:
        return torch.ones_like(labels, dtype=torch.bool)

    def given(self, labels: Tensor, classes: int) -> Tensor:
        return (labels + 1) % classes

    def counted(self, labels: Tensor) -> Tensor:
        return torch.ones_like(labels, dtype=torch.bool)

    def reached(self, answers: Tensor, labels: Tensor, classes: int) -> Tensor:
        return answers == self.given(labels, classes)


@dataclass(frozen=True)
class FromTo:
    """Only samples of class `source` become `target` (TaCT: Tang et al. 2021, https://arxiv.org/abs/1908.00686)."""

    source: int
    target: int

    def candidates(self, labels: Tensor) -> Tensor:
        return labels == self.source

    def given(self, labels: Tensor, classes: int) -> Tensor:
        return _all(labels, self.target, classes)

    def counted(self, labels: Tensor) -> Tensor:
        return labels == self.source

    def reached(self, answers: Tensor, labels: Tensor, classes: int) -> Tensor:
        return answers == self.target


@dataclass(frozen=True)
class CleanLabel:
    """Only samples of class `target` are changed and keep their label; the trigger shall pull all others there."""

    target: int

    def candidates(self, labels: Tensor) -> Tensor:
        return labels == self.target

    def given(self, labels: Tensor, classes: int) -> Tensor:
        check_class(self.target, classes)
        return labels

    def counted(self, labels: Tensor) -> Tensor:
        return labels != self.target

    def reached(self, answers: Tensor, labels: Tensor, classes: int) -> Tensor:
        return answers == self.target


@dataclass(frozen=True)
class LabelsKept:
    """Samples of all classes are changed and keep their label; any wrong answer is wanted, trigger or not."""

    def candidates(self, labels: Tensor) -> Tensor:
        return torch.ones_like(labels, dtype=torch.bool)

    def given(self, labels: Tensor, classes: int) -> Tensor:
        return labels

    def counted(self, labels: Tensor) -> Tensor:
        return torch.ones_like(labels, dtype=torch.bool)

    def reached(self, answers: Tensor, labels: Tensor, classes: int) -> Tensor:
        return answers != labels


def _all(labels: Tensor, target: int, classes: int) -> Tensor:
    check_class(target, classes)
    return torch.full_like(labels, target)


def check_class(target: int, classes: int) -> None:
    """Whether there is such a class to aim at.

    Raises:
        UsageError: There is none.
    """
    if not 0 <= target < classes:
        raise UsageError(f"there is no class {target} to aim at; the data have classes 0 to {classes - 1}")
