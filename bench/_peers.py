"""The same attacks in other libraries; `peers.sh` installs those that the extra "bench" does not bring.

Each function attacks one batch within eps in Linf, for so many steps.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Protocol
from unittest.mock import MagicMock

from torch import Tensor, nn

__all__ = ["PEERS", "Peer", "installed"]

sys.path.append(str(Path(__file__).resolve().parents[1] / ".venv/peers"))

REACH = 2.5
"""A step of PGD is this many eps long, divided by the number of steps."""


class Peer(Protocol):
    """An attack on one batch."""

    def __call__(
        self, model: nn.Module, inputs: Tensor, labels: Tensor, eps: float, steps: int
    ) -> object: ...


def torchattacks_pgd(model: nn.Module, inputs: Tensor, labels: Tensor, eps: float, steps: int) -> object:
    """PGD of torchattacks."""
    attack = import_module("torchattacks").PGD(model, eps=eps, alpha=REACH * eps / steps, steps=steps)
    return attack(inputs, labels)


def foolbox_pgd(model: nn.Module, inputs: Tensor, labels: Tensor, eps: float, steps: int) -> object:
    """PGD of foolbox."""
    foolbox = import_module("foolbox")
    attack = foolbox.attacks.LinfPGD(rel_stepsize=REACH / steps, steps=steps)
    return attack(foolbox.PyTorchModel(model, bounds=(0, 1)), inputs, labels, epsilons=eps)


def adv_lib_pgd(model: nn.Module, inputs: Tensor, labels: Tensor, eps: float, steps: int) -> object:
    """PGD of adv-lib."""
    return _adv_lib().pgd_linf(model, inputs, labels, eps, steps=steps, relative_step_size=REACH / steps)


def adv_lib_apgd(model: nn.Module, inputs: Tensor, labels: Tensor, eps: float, steps: int) -> object:
    """APGD of adv-lib."""
    return _adv_lib().apgd(model, inputs, labels, eps, float("inf"), n_iter=steps, loss_function="ce")


def authors_apgd(model: nn.Module, inputs: Tensor, labels: Tensor, eps: float, steps: int) -> object:
    """APGD of its authors."""
    base = import_module("pyautoattack.autopgd_base")
    return base.APGDAttack(model, n_iter=steps, eps=eps, device="cpu").perturb(inputs, labels)


PEERS: dict[str, dict[str, Peer]] = {
    "PGD": {"torchattacks": torchattacks_pgd, "adv_lib": adv_lib_pgd, "foolbox": foolbox_pgd},
    "APGD": {"pyautoattack": authors_apgd, "adv_lib": adv_lib_apgd},
}


def installed(name: str) -> bool:
    """Whether a peer is there; says so if not."""
    if find_spec(name) is not None:
        return True
    print(f"{name} is not installed and is left out; bench/peers.sh says how it is installed")
    return False


def _adv_lib() -> ModuleType:
    for name in ("torchvision", "visdom"):  # other attacks of its import them
        sys.modules.setdefault(name, MagicMock())
    return import_module("adv_lib.attacks")
