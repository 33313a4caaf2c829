"""Models and data of the benchmarks: in a folder beside the repository, or where SPARRING_DATA says."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import torch
from torch import nn

from sparring.data import Samples, load_data
from sparring.models import Model, load_model

__all__ = ["CASES", "FAST_CASES", "Case", "found"]

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

    @property
    def source(self) -> Path | nn.Module:
        """What an audit is given: the model's file, or a net that has none."""
        return self.module() if self.model == UNDEFENDED else self.path

    def module(self) -> nn.Module:
        """The model as torch loads it."""
        return undefended() if self.model == UNDEFENDED else torch.export.load(self.path).module()

    def load(self, count: int) -> tuple[Model, Samples]:
        """The model and its first `count` samples, taken as continuous: peers do not search grey levels."""
        samples = load_data(found(f"data/{self.data}")).limit(count)
        return load_model(self.source), replace(samples, domain=replace(samples.domain, step=None))


UNDEFENDED = "resnet18_undefended"
_LOSSLESS = "cifar10/test_lossless_500.npz"

CASES = {
    "cifar10": Case("cifar10_small_resnet_adv", _LOSSLESS, "linf:8/255", 8 / 255),
    "mnist": Case("mnist_small_cnn_adv", "mnist/mnist_70000.npz", "linf:0.3", 0.3),
}

FAST_CASES = {
    **CASES,
    "sri_a-2": Case("cifar10_sri_resnet_a", _LOSSLESS, "linf:2/255", 2 / 255),
    "sri_a-4": Case("cifar10_sri_resnet_a", _LOSSLESS, "linf:4/255", 4 / 255),
    "resnet_4b": Case("cifar10_resnet_4b", _LOSSLESS, "linf:2/255", 2 / 255),
    "undefended": Case(UNDEFENDED, _LOSSLESS, "linf:8/255", 8 / 255),
}


def undefended() -> nn.Module:
    """The undefended ResNet-18 that pyautoattack brings along for its examples."""
    examples = Path(import_module("pyautoattack").__file__ or "").parent / "examples"
    spec = spec_from_file_location("pyautoattack_resnet", examples / "resnet.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    net: nn.Module = module.ResNet18()
    net.load_state_dict(torch.load(examples / "model_test.pt", map_location="cpu", weights_only=True))
    return net.eval().requires_grad_(False)


def found(name: str) -> Path:
    path = FOLDER / name
    if not path.is_file():
        sys.exit(f"the benchmark needs {name} in {FOLDER}: set SPARRING_DATA to the folder that holds it")
    return path
