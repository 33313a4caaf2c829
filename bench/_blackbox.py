"""Attacks of other libraries that see scores, on a target that counts; and what black-box benchmarks share.

Every point that an attack shows to the target is one query of the sample that it was made from, and every one counts:
what a library itself takes for its result is not asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["PEERS", "Crowd", "Peer", "Spent", "art_model", "installed", "interval"]

sys.path.append(str(Path(__file__).resolve().parents[1] / ".venv/peers"))


class Spent(Exception):
    """The budget is used up."""


class Crowd(nn.Module):
    """A model that answers about several samples with scores, and keeps what each query of each sample has found.

    A point belongs to the sample that is nearest to it. Points beyond the budget of their sample are answered, for the
    sake of the others in their batch, and noted nowhere; once no sample has queries left the attack is stopped.

    Attributes:
        curves: For each sample, after each of its queries, the smallest distance at which the model erred.
    """

    def __init__(
        self, model: Callable[[Tensor], Tensor], inputs: Tensor, labels: Tensor, norm: str, budget: int
    ):
        super().__init__()
        self.inner, self.inputs, self.labels, self.norm, self.budget = [model], inputs, labels, norm, budget
        self.curves: list[list[float]] = [[] for _ in inputs]
        self.training = False

    def forward(self, points: Tensor) -> Tensor:
        """Scores `(N, C)` of points `(N, *shape)`."""
        if all(len(curve) >= self.budget for curve in self.curves):
            raise Spent
        points = points.detach().float()
        with torch.no_grad():
            answers = self.inner[0](points)
        rows = torch.cdist(points.flatten(1), self.inputs.flatten(1)).argmin(1)
        away = lengths(points, self.inputs[rows], self.norm)
        inside = ((points >= -1e-6) & (points <= 1 + 1e-6)).flatten(1).all(1)
        counts = (answers.argmax(1) != self.labels[rows]) & inside
        for row, distance, hit in zip(rows.tolist(), away.tolist(), counts.tolist(), strict=True):
            curve = self.curves[row]
            if len(curve) < self.budget:
                before = curve[-1] if curve else float("inf")
                curve.append(min(before, distance) if hit else before)
        return answers

    def found(self, queries: int) -> list[float]:
        """The smallest distance of each sample after so many queries."""
        return [curve[min(queries, len(curve)) - 1] if curve else float("inf") for curve in self.curves]


def lengths(points: Tensor, inputs: Tensor, norm: str) -> Tensor:
    """How far points are from inputs, `(N,)`; L0 counts pixels."""
    change = (points.double() - inputs.double()).abs()
    if norm == "l0":
        return (change.amax(1) > 0).flatten(1).sum(1).double()
    return change.flatten(1).amax(1) if norm == "linf" else change.flatten(1).norm(dim=1)


Peer = Callable[[Crowd, Tensor, Tensor, float, int], object]
"""Attacks samples within eps (where it takes one), with so many queries per sample in mind."""


def art_model(target: nn.Module, inputs: Tensor, classes: int) -> object:
    """A target as ART wants it."""
    estimators = import_module("art.estimators.classification")
    shape = tuple(inputs.shape[1:])
    return estimators.PyTorchClassifier(
        target, nn.CrossEntropyLoss(), shape, classes, clip_values=(0.0, 1.0), device_type="cpu"
    )


def interval(
    ours: Tensor, theirs: Tensor, statistic: Callable[[Tensor], Tensor]
) -> tuple[float, float, float]:
    """The difference of a statistic of two runs on the same samples, and its interval (95%, paired bootstrap)."""
    rows = torch.randint(len(ours), (2000, len(ours)), generator=torch.Generator().manual_seed(0))
    draws = statistic(ours[rows]) - statistic(theirs[rows])
    low, high = torch.quantile(
        draws.nan_to_num(0.0, 1e9, -1e9), torch.tensor([0.025, 0.975], dtype=draws.dtype)
    )
    return float(statistic(ours[None]) - statistic(theirs[None])), float(low), float(high)


def _torchattacks(name: str, options: Callable[[float, int], dict[str, object]]) -> Peer:
    def run(target: Crowd, inputs: Tensor, labels: Tensor, eps: float, budget: int) -> object:
        made = getattr(import_module("torchattacks"), name)(target, **options(eps, budget))
        return made(inputs, labels)

    return run


def _art(name: str, options: Callable[[float, int], dict[str, object]], softmax: bool = False) -> Peer:
    def run(target: Crowd, inputs: Tensor, labels: Tensor, eps: float, budget: int) -> object:
        with torch.no_grad():
            classes = target.inner[0](inputs[:1]).shape[1]
        seen = art_model(nn.Sequential(target, nn.Softmax(1)) if softmax else target, inputs, classes)
        attack = getattr(import_module("art.attacks.evasion"), name)(
            seen, **options(eps, budget), verbose=False
        )
        return attack.generate(inputs.numpy(), np.eye(classes, dtype=np.float32)[labels.numpy()])

    return run


def _foolbox(name: str) -> Peer:
    def run(target: Crowd, inputs: Tensor, labels: Tensor, eps: float, budget: int) -> object:
        foolbox = import_module("foolbox")
        attack = getattr(foolbox.attacks, name)(repeats=budget)
        return attack(foolbox.PyTorchModel(target, bounds=(0, 1), device="cpu"), inputs, labels, epsilons=eps)

    return run


def _square(norm: str) -> Callable[[float, int], dict[str, object]]:
    return lambda eps, budget: {"norm": norm, "eps": eps, "n_queries": budget}


PEERS: dict[str, dict[str, Peer]] = {
    "linf": {
        "torchattacks Square": _torchattacks("Square", _square("Linf")),
        "torchattacks SPSA": _torchattacks(
            "SPSA", lambda eps, budget: {"eps": eps, "nb_sample": 10, "max_batch_size": 10, "nb_iter": budget // 20}
        ),
        # three queries a step
        "art Square": _art(
            "SquareAttack", lambda eps, budget: {"norm": np.inf, "eps": eps, "max_iter": budget // 3, "batch_size": 256}
        ),
        "foolbox uniform noise": _foolbox("LinfRepeatedAdditiveUniformNoiseAttack"),
    },
    "l2": {
        "torchattacks Square": _torchattacks("Square", _square("L2")),
        "art Square": _art(
            "SquareAttack", lambda eps, budget: {"norm": 2, "eps": eps, "max_iter": budget // 3, "batch_size": 256}
        ),
        "foolbox Gaussian noise": _foolbox("L2RepeatedAdditiveGaussianNoiseAttack"),
    },
    "l2:min": {
        "art SimBA values": _art(
            "SimBA", lambda eps, budget: {"attack": "px", "max_iter": budget, "epsilon": 0.2}, True
        ),
        "art SimBA waves": _art(
            "SimBA", lambda eps, budget: {"attack": "dct", "max_iter": budget, "epsilon": 0.2, "freq_dim": 14}, True
        ),
        "art ZOO": _art(
            "ZooAttack",
            lambda eps, budget: {
                "max_iter": budget // 20, "nb_parallel": 10, "learning_rate": 0.1, "initial_const": 10.0,
                "binary_search_steps": 1, "use_resize": False, "use_importance": False, "variable_h": 1e-3,
            },
            True,
        ),
    },
    "l0:min": {
        "torchattacks Pixle": _torchattacks("Pixle", lambda eps, budget: {"max_iterations": budget, "restarts": 1}),
        "art SimBA values": _art(
            "SimBA", lambda eps, budget: {"attack": "px", "max_iter": budget, "epsilon": 1.0}, True
        ),
    },
    "l0": {
        "torchattacks Pixle": _torchattacks("Pixle", lambda eps, budget: {"max_iterations": budget, "restarts": 1}),
        "torchattacks OnePixel": _torchattacks(
            "OnePixel", lambda eps, budget: {"pixels": int(eps), "steps": max(1, budget // 50), "popsize": 50}
        ),
    },
}  # fmt: skip
"""By threat; the first word is the library."""


def installed(name: str) -> bool:
    """Whether a peer is there; says so if not."""
    if find_spec(name) is not None:
        return True
    print(f"{name} is not installed and is left out; bench/peers.sh says how it is installed")
    return False
