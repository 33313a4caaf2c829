"""The worst label flips of a linear support vector machine, exactly: a mixed-integer program, for small problems."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from torch import Tensor

from sparring.data import Samples
from sparring.errors import DataError
from sparring.poison.making.flips import signs_of

__all__ = ["worst_hinge_flips"]

Floats = NDArray[np.float64]


def worst_hinge_flips(
    train: Samples, chosen: Tensor, count: int, cost: float = 1.0, seconds: float = 60.0
) -> tuple[Tensor, float]:
    r"""The flips that move the score of one sample furthest, for a linear SVM with hinge loss: the exact optimum.

    The machine makes $\frac12 |w|^2 + c \sum_i \max(0, 1 - y_i w \cdot x_i)$ smallest; append a constant feature for an
    offset. Here a flip moves the weights of all others, so flips cannot be chosen one by one as in `worst_flips`. But
    the machine is what its conditions of optimality say, and with a yes or no for "beyond the margin", "within it" and
    "flipped" these are linear: one program finds flips and machine together (after Sabanayagam et al. 2025,
    https://arxiv.org/abs/2412.00537). Four flips among thirty samples take seconds where `cost` is small, and long
    where it is large.

    Args:
        train: Two classes, 0 and 1.
        chosen: (*shape), the sample whose score shall move away from its side.
        count: Flips at most; fewer are taken if more would not help.
        cost: $c$.
        seconds: Most that the search may take.

    Returns:
        Positions of the flipped samples, rising, and the score after them; class 1 is above 0.

    Raises:
        DataError: There are other classes than 0 and 1, or the time was too short for the proof.
    """
    signs = signs_of(train).numpy()
    inputs, point = (each.flatten(1).double().numpy() for each in (train.inputs, chosen[None]))
    machine = _Machine(inputs @ inputs.T, (inputs @ point.T)[:, 0], signs, cost)
    _, clean = machine.worst(0, 1.0, seconds)
    return machine.worst(count, 1.0 if clean >= 0 else -1.0, seconds)


@dataclass(frozen=True, eq=False)
class _Machine:
    """N samples, each with a weight for its label and one for the other label, of which one is 0.

    The 5N variables: both weights in [0, cost], then three that are 0 or 1: beyond the margin (no weight), within it
    (weight `cost`), flipped.

    Args:
        gram: (N, N) inner products.
        reached: (N,), inner products with the chosen sample.
        signs: (N,), 1 or -1.
        cost: Of a violated margin.
    """

    gram: Floats
    reached: Floats
    signs: Floats
    cost: float

    def worst(self, count: int, side: float, seconds: float) -> tuple[Tensor, float]:
        """At most `count` flips that move the score furthest from `side`, and that score."""
        number = len(self.signs)
        pull = self.signs * self.reached
        score = np.concatenate([pull, -pull, np.zeros(3 * number)])
        solved = milp(
            side * score,
            integrality=np.repeat([0, 0, 1, 1, 1], number),
            bounds=Bounds(0, np.repeat([self.cost, self.cost, 1.0, 1.0, 1.0], number)),
            constraints=[
                *self._margins(),
                *self._weights(),
                LinearConstraint(np.repeat([0.0, 0.0, 0.0, 0.0, 1.0], number)[None], ub=count),
            ],
            options={"time_limit": seconds, "mip_rel_gap": 1e-9},
        )
        if solved.status != 0:
            raise DataError(
                f"{seconds:g} seconds were too short to prove which of {number:,} labels are the worst to flip; "
                "give fewer samples or more time"
            )
        flipped = solved.x[-number:] > 0.5
        return torch.as_tensor(flipped).nonzero()[:, 0], float(score @ solved.x)

    def _margins(self) -> list[LinearConstraint]:
        """With the label that holds, a margin is at least 1 unless within, and at most 1 unless beyond."""
        number = len(self.signs)
        own = self.signs[:, None] * self.gram * self.signs
        none, far = np.zeros((number, number)), np.diag(self._far())
        kept, turned = np.hstack([own, -own]), np.hstack([-own, own])
        free = np.diag(far)
        return [
            LinearConstraint(np.hstack([kept, none, far, far]), lb=1),
            LinearConstraint(np.hstack([kept, -far, none, -far]), ub=1),
            LinearConstraint(np.hstack([turned, none, far, -far]), lb=1 - free),
            LinearConstraint(np.hstack([turned, -far, none, far]), ub=1 + free),
        ]

    def _weights(self) -> list[LinearConstraint]:
        """None beyond the margin, all of the cost within, and only for the label that holds."""
        one = np.eye(len(self.signs))
        none = np.zeros_like(one)
        return [
            LinearConstraint(np.hstack([one, one, self.cost * one, none, none]), ub=self.cost),
            LinearConstraint(np.hstack([one, one, none, -self.cost * one, none]), lb=0),
            LinearConstraint(np.hstack([one, none, none, none, self.cost * one]), ub=self.cost),
            LinearConstraint(np.hstack([none, one, none, none, -self.cost * one]), ub=0),
        ]

    def _far(self) -> Floats:
        """How far a margin can be from 1, (N,): by the weights, and because the best w has |w|^2 <= cost * N."""
        by_weights = self.cost * np.abs(self.gram).sum(1)
        by_length = np.sqrt(self.cost * len(self.signs) * self.gram.diagonal())
        return 1 + np.minimum(by_weights, by_length)
