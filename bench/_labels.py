"""Attacks of other libraries that see labels only, one sample at a time, on a target that counts and remembers."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
import torch
from _blackbox import Spent, installed
from torch import Tensor, nn

__all__ = ["PEERS", "Spent", "Target", "installed"]


class Target(nn.Module):
    """A model that answers one attacker about one sample: classes as one-hot rows, so many queries and no more.

    `curve` holds, after each query, the smallest distance at which the model erred inside the range of the data.
    """

    def __init__(self, model: Callable[[Tensor], Tensor], sample: Tensor, label: int, norm: str, budget: int):
        super().__init__()
        self.model, self.sample, self.label, self.norm, self.budget = model, sample, label, norm, budget
        self.curve: list[float] = []

    def forward(self, points: Tensor) -> Tensor:
        """One-hot rows `(N, C)` for points `(N, *shape)`."""
        paid = points.float()[: self.budget - len(self.curve)]
        if not len(paid):
            raise Spent
        with torch.no_grad():
            answers = self.model(paid)
        self._note(paid, answers.argmax(1))
        if len(paid) < len(points):
            raise Spent
        return nn.functional.one_hot(answers.argmax(1), answers.shape[1]).float()

    def _note(self, points: Tensor, classes: Tensor) -> None:
        change = (points.double() - self.sample.double()).flatten(1)
        away = change.abs().amax(1) if self.norm == "linf" else change.norm(dim=1)
        inside = ((points >= -1e-6) & (points <= 1 + 1e-6)).flatten(1).all(1)
        for distance, counts in zip(away.tolist(), ((classes != self.label) & inside).tolist(), strict=True):
            before = self.curve[-1] if self.curve else float("inf")
            self.curve.append(min(before, distance) if counts else before)


Peer = Callable[[Target, Tensor, int, "Tensor | None", int], object]
"""Attacks one sample `(1, *shape)` of a class from a start (None: its own), with so many queries in mind."""


def _foolbox(name: str, **options: object) -> Peer:
    def run(target: Target, sample: Tensor, label: int, begin: Tensor | None, budget: int) -> object:
        foolbox = import_module("foolbox")
        seen = foolbox.PyTorchModel(target.eval(), bounds=(0, 1), device="cpu")
        attack = getattr(foolbox.attacks, name)(**options)
        start = {} if begin is None else {"starting_points": begin}
        return attack(seen, sample, torch.tensor([label]), epsilons=None, **start)

    return run


def _art(name: str, takes_start: bool, counted: str | None = None, **options: object) -> Peer:
    """`counted` is the option that is told the budget."""

    def run(target: Target, sample: Tensor, label: int, begin: Tensor | None, budget: int) -> object:
        art = import_module("art.estimators.classification")
        loss, classes = nn.CrossEntropyLoss(), target.model(sample).shape[1]
        seen = art.PyTorchClassifier(
            target, loss, tuple(sample.shape[1:]), classes, clip_values=(0.0, 1.0), device_type="cpu"
        )
        vars(np).setdefault("mat", np.asmatrix)  # GeoDA of ART was written for numpy 1
        told = {} if counted is None else {counted: budget}
        attack = getattr(import_module("art.attacks.evasion"), name)(seen, **options, **told, verbose=False)
        start = {"x_adv_init": begin.numpy()} if takes_start and begin is not None else {}
        return attack.generate(sample.numpy(), np.eye(classes)[[label]], **start)

    return run


_HSJ = {"targeted": False, "max_iter": 10_000}

PEERS: dict[str, dict[str, Peer]] = {
    "l2": {
        "foolbox HopSkipJump": _foolbox("HopSkipJumpAttack", steps=10_000, constraint="l2"),
        "foolbox Boundary": _foolbox("BoundaryAttack", steps=100_000),
        "art HopSkipJump": _art("HopSkipJump", True, norm=2, **_HSJ),
        "art GeoDA": _art("GeoDA", False, "max_iter", norm=2),
        "art SignOPT": _art("SignOPTAttack", False, targeted=False, max_iter=10_000, query_limit=1_000_000),
    },
    "linf": {
        "foolbox HopSkipJump": _foolbox("HopSkipJumpAttack", steps=10_000, constraint="linf"),
        "art HopSkipJump": _art("HopSkipJump", True, norm=np.inf, **_HSJ),
        "art GeoDA": _art("GeoDA", False, "max_iter", norm=np.inf),
    },
}
"""By norm; the first word is the library."""
