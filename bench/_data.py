"""Models and data of the benchmarks: in a folder beside the repository, or where SPARRING_DATA says."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from sparring.data import Samples, load_data
from sparring.models import Model, load_model

__all__ = ["CASES", "Case", "found"]

FOLDER = Path(os.environ.get("SPARRING_DATA", Path(__file__).resolve().parents[2] / "shared"))


@dataclass(frozen=True)
class Case:
    """A model, the data it is attacked on, and how far the attacker may go in Linf."""

    model: str
    data: str
    threat: str
    eps: float

    @property
    def path(self) -> Path:
        """The model's file."""
        return found(f"models/{self.model}.pt2")

    def load(self, count: int) -> tuple[Model, Samples]:
        """The model and its first `count` samples, taken as continuous: peers do not search grey levels."""
        samples = load_data(found(f"data/{self.data}")).limit(count)
        return load_model(self.path), replace(samples, domain=replace(samples.domain, step=None))


CASES = {
    "cifar10": Case("cifar10_small_resnet_adv", "cifar10/test_lossless_500.npz", "linf:8/255", 8 / 255),
    "mnist": Case("mnist_small_cnn_adv", "mnist/mnist_70000.npz", "linf:0.3", 0.3),
}


def found(name: str) -> Path:
    path = FOLDER / name
    if not path.is_file():
        sys.exit(f"the benchmark needs {name} in {FOLDER}: set SPARRING_DATA to the folder that holds it")
    return path
