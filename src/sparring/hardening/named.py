"""Objectives by the names that the command line has for them."""

from __future__ import annotations

from dataclasses import dataclass

from sparring.attacks import PGD
from sparring.errors import UsageError, nearest
from sparring.threat import Threat
from sparring.training.measures import Measure, Under, clean_accuracy
from sparring.training.objectives import Objective, plain
from sparring.training.robust.adversarial import Adversarial, pgd_at
from sparring.training.robust.awp import with_awp
from sparring.training.robust.divergence import trades
from sparring.training.robust.misclassified import mart
from sparring.training.robust.single_step import fgsm_rs, n_fgsm

__all__ = ["OBJECTIVES", "Named"]

OBJECTIVES = ("pgd", "trades", "mart", "n-fgsm", "fgsm-rs", "plain")
SINGLE_STEP = ("n-fgsm", "fgsm-rs")
REMEDY_STEPS = 3


@dataclass(frozen=True)
class Named:
    """What a training is asked to make smaller.

    Args:
        name: One of `OBJECTIVES`.
        threat: Which changes are allowed.
        steps: Of the attack inside; 10 without, and 1 for the single-step ones.
        awp: How far AWP moves weights, in parts of their length; None for not at all.
        warm_up: Share of the training over which eps grows.

    Raises:
        UsageError: The name is unknown, or a setting does not fit it.
    """

    name: str
    threat: Threat
    steps: int | None = None
    awp: float | None = None
    warm_up: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in OBJECTIVES:
            raise UsageError(f'unknown objective "{self.name}"; {nearest(self.name, OBJECTIVES)}')
        if self.steps is not None and (self.name in SINGLE_STEP or self.name == "plain"):
            raise UsageError(f"{self.name} takes no steps to choose; leave steps out, or take pgd")
        if self.steps is not None and self.steps < 1:
            raise UsageError(f"the attack inside needs at least 1 step, but got {self.steps}")
        if self.name == "plain" and (self.awp is not None or self.warm_up):
            raise UsageError("plain training has no attack inside; leave awp and warm_up out")

    @property
    def objective(self) -> Objective:
        """The objective itself."""
        if self.name == "plain":
            return plain
        found = self._adversarial
        return found if self.awp is None else with_awp(found, self.awp)

    @property
    def measure(self) -> Measure:
        """What chooses the epoch: robust accuracy under PGD-20; for plain training, which has none, clean accuracy."""
        return clean_accuracy if self.name == "plain" else Under(self.threat)

    @property
    def remedy(self) -> Objective | None:
        """What takes over after a catastrophic overfit: a few steps where there was one."""
        return pgd_at(self.threat, PGD(steps=REMEDY_STEPS)) if self.name in SINGLE_STEP else None

    @property
    def _adversarial(self) -> Adversarial:
        steps = self.steps or 10
        match self.name:
            case "trades":
                return trades(self.threat, steps=steps, warm_up=self.warm_up)
            case "mart":
                return mart(self.threat, attack=PGD(steps=steps), warm_up=self.warm_up)
            case "n-fgsm":
                return n_fgsm(self.threat, self.warm_up)
            case "fgsm-rs":
                return fgsm_rs(self.threat, self.warm_up)
        return pgd_at(self.threat, PGD(steps=steps), self.warm_up)
