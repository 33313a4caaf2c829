"""Smallest changes as others find them: every point that an attack shows to a model counts, within one budget."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import MagicMock

import torch
from torch import Tensor, nn

__all__ = ["PEERS", "Attack", "Spent", "Watched", "lengths"]

sys.path.append(str(Path(__file__).resolve().parents[1] / ".venv/peers"))

Attack = Callable[[nn.Module, Tensor, Tensor, int], object]
"""Attacks one batch; the last argument is how many steps of a forward and a backward the budget pays."""


class Spent(Exception):
    """The budget is used up."""


class Watched(nn.Module):
    """A model that keeps, for every input, the smallest distance at which it erred, and stops at a budget.

    A batch of as many points as there are inputs belongs to them in order; in others each point belongs to the nearest
    input. The budget is of passes (forwards and backwards) per input, on average.
    """

    def __init__(self, model: nn.Module, inputs: Tensor, labels: Tensor, norm: str, budget: int) -> None:
        super().__init__()
        self.model, self.inputs, self.labels, self.norm, self.budget = model, inputs, labels, norm, budget
        self.best = torch.full((len(inputs),), torch.inf, dtype=torch.float64)
        self.forwards = self.backwards = 0
        self.training = False

    def forward(self, points: Tensor) -> Tensor:
        if self.forwards + self.backwards >= self.budget * len(self.inputs):
            raise Spent
        self.forwards += len(points)
        if points.requires_grad:
            points.register_hook(self._backward)
        outputs = self.model(points)
        self._note(points.detach(), outputs.detach().argmax(1))
        return outputs

    def _backward(self, gradient: Tensor) -> None:
        self.backwards += len(gradient)

    def _note(self, points: Tensor, answers: Tensor) -> None:
        rows = torch.arange(len(points))
        if len(points) != len(self.inputs):
            rows = torch.cdist(points.flatten(1), self.inputs.flatten(1)).argmin(1)
        away = lengths(points, self.inputs[rows], self.norm)
        inside = ((points >= -1e-6) & (points <= 1 + 1e-6)).flatten(1).all(1)
        away = away.masked_fill((answers == self.labels[rows]) | ~inside, torch.inf)
        self.best.scatter_reduce_(0, rows, away, "amin")


def lengths(points: Tensor, inputs: Tensor, norm: str) -> Tensor:
    """How far points are from inputs, `(B,)`, in float64."""
    change = (points.double() - inputs.double()).flatten(1)
    orders = {"linf": torch.inf, "l2": 2, "l1": 1}
    if norm == "l0":
        return (points != inputs).flatten(1).sum(1).double()
    return torch.linalg.vector_norm(change, orders[norm], dim=1)


def _adv_lib(
    name: str, model: nn.Module, inputs: Tensor, labels: Tensor, steps: int, **options: object
) -> object:
    for absent in ("torchvision", "visdom"):  # other attacks of its import them
        sys.modules.setdefault(absent, MagicMock())
    return getattr(import_module("adv_lib.attacks"), name)(
        model, inputs, labels, **{_STEPS[name]: steps}, **options
    )


_STEPS = {
    "ddn": "steps", "fmn": "steps", "alma": "num_steps", "pdpgd": "num_steps", "pdgd": "num_steps", "fab": "n_iter",
    "sigma_zero": "num_steps", "df": "steps", "sdf": "steps", "tr": "iter", "carlini_wagner_l2": "max_iterations",
    "vfga": "max_iter",
}  # fmt: skip


def _foolbox(
    name: str, model: nn.Module, inputs: Tensor, labels: Tensor, steps: int, **options: object
) -> object:
    foolbox = import_module("foolbox")
    found = getattr(foolbox.attacks, name, None) or getattr(foolbox.attacks.fast_minimum_norm, name)
    seen = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    return found(steps=steps, **options)(seen, inputs, labels, epsilons=None)


def _torchattacks(
    name: str, model: nn.Module, inputs: Tensor, labels: Tensor, steps: int, **options: object
) -> object:
    return getattr(import_module("torchattacks"), name)(model, steps=steps, **options)(inputs, labels)


def _peers(norm: str) -> dict[str, dict[str, Attack]]:
    """By library, and by the algorithm's name."""
    order = {"linf": float("inf"), "l2": 2, "l1": 1, "l0": 0}[norm]
    adv_lib, foolbox = partial(partial, _adv_lib), partial(partial, _foolbox)
    torchattacks = partial(partial, _torchattacks)
    found: dict[str, dict[str, Attack]] = {
        "adv_lib": {"FMN": adv_lib("fmn", norm=order)},
        "foolbox": {},
        "torchattacks": {},
    }
    fmn = {"linf": "LInfFMNAttack", "l2": "L2FMNAttack", "l1": "L1FMNAttack", "l0": "L0FMNAttack"}[norm]
    found["foolbox"]["FMN"] = foolbox(fmn)
    if norm == "l2":
        found["adv_lib"] |= {
            "DDN": adv_lib("ddn", levels=None), "ALMA": adv_lib("alma", distance="l2", init_lr_distance=0.1),
            "PDGD": adv_lib("pdgd"), "DeepFool": adv_lib("df"), "SuperDeepFool": adv_lib("sdf"),
            "TR": adv_lib("tr", p=2), "CW": _adv_lib_cw,
        }  # fmt: skip
        found["foolbox"] |= {
            "DDN": foolbox("DDNAttack"),
            "DeepFool": foolbox("L2DeepFoolAttack"),
            "CW": _foolbox_cw,
        }
        found["foolbox"] |= {"BB": partial(_foolbox_bb, "L2BrendelBethgeAttack")}
        found["torchattacks"] |= {"CW": torchattacks("CW"), "DeepFool": torchattacks("DeepFool")}
    if norm == "linf":
        found["adv_lib"] |= {
            "PDPGD": adv_lib("pdpgd", norm=order), "DeepFool": adv_lib("df", norm=order), "TR": adv_lib("tr", p=order),
        }  # fmt: skip
        found["foolbox"] |= {
            "DeepFool": foolbox("LinfDeepFoolAttack"),
            "BB": partial(_foolbox_bb, "LinfinityBrendelBethgeAttack"),
        }
    if norm == "l1":
        found["adv_lib"] |= {
            "PDPGD": adv_lib("pdpgd", norm=1),
            "ALMA": adv_lib("alma", distance="l1", init_lr_distance=0.5, α=0.5),
        }  # fmt: skip
        found["foolbox"] |= {"EAD": _foolbox_ead, "BB": partial(_foolbox_bb, "L1BrendelBethgeAttack")}
    if norm == "l0":
        found["adv_lib"] |= {"SigmaZero": adv_lib("sigma_zero"), "VFGA": _adv_lib_vfga}
        found["foolbox"] |= {"BB": partial(_foolbox_bb, "L0BrendelBethgeAttack")}
    else:
        found["adv_lib"]["FAB"] = adv_lib("fab", norm=order)
    return found


def _foolbox_bb(name: str, model: nn.Module, inputs: Tensor, labels: Tensor, steps: int) -> object:
    """From a mix with noise, in twenty looks a direction: as it comes, a thousand are spent before the first step."""
    start = import_module("foolbox").attacks.LinearSearchBlendedUniformNoiseAttack(steps=20)
    return _foolbox(name, model, inputs, labels, steps, init_attack=start)


def _adv_lib_cw(model: nn.Module, inputs: Tensor, labels: Tensor, steps: int) -> object:
    return _adv_lib("carlini_wagner_l2", model, inputs, labels, max(1, steps // 9), abort_early=False)


def _foolbox_cw(model: nn.Module, inputs: Tensor, labels: Tensor, steps: int) -> object:
    return _foolbox("L2CarliniWagnerAttack", model, inputs, labels, max(1, steps // 9), abort_early=False)


def _foolbox_ead(model: nn.Module, inputs: Tensor, labels: Tensor, steps: int) -> object:
    options = {"decision_rule": "L1", "abort_early": False}
    return _foolbox("EADAttack", model, inputs, labels, max(1, steps // 9), **options)


def _adv_lib_vfga(model: nn.Module, inputs: Tensor, labels: Tensor, steps: int) -> object:
    return _adv_lib("vfga", model, inputs, labels, steps, targeted=False, n_samples=10)


PEERS = {norm: _peers(norm) for norm in ("linf", "l2", "l1", "l0")}


def installed(name: str) -> bool:
    """Whether a peer is there; says so if not."""
    if find_spec(name) is not None:
        return True
    print(f"{name} is not installed and is left out; bench/peers.sh says how it is installed")
    return False
