"""Adversarial training with one step: as cheap as two plain updates, and at risk of catastrophic overfitting.

A model that sees single steps only can learn to fool them: its loss falls, and all robustness is lost in one epoch.
`Recipe.remedy` says what shall take over if that happens.
"""

from __future__ import annotations

from dataclasses import dataclass

from sparring.attacks.parts.losses import cross_entropy
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.tensors import per_row
from sparring.threat import Threat
from sparring.training.robust.adversarial import Adversarial, at_adversarial
from sparring.training.robust.inner import Inner

__all__ = ["NoisyStep", "RandomStep", "fgsm_rs", "n_fgsm"]


@dataclass(frozen=True)
class NoisyStep:
    """One step from strong noise, neither of which is projected onto the threat; only the range of the data is kept.

    What it finds may lie outside of the threat, `spread + reach` times eps away: for training, not for audits.
    Cost: 1 forward, 1 backward.

    Args:
        spread: Size of the noise, in eps.
        reach: Length of the step, in eps.
    """

    spread: float = 2.0
    reach: float = 1.0
    loss: AttackLoss = cross_entropy
    steps = 1

    def start(self, task: Task) -> State:
        noise = task.threat.sample(task.inputs, task.draws) - task.inputs
        return State(gradient_at(task.threat.box.clip(task.inputs + self.spread * noise)))

    def step(self, task: Task, state: State, seen: Seen) -> State:
        length = self.reach * per_row(task.threat.eps, state.point)
        moved = state.point + length * task.threat.steepest(seen.gradient, state.point)
        return State(gradient_at(task.threat.box.clip(moved)))


@dataclass(frozen=True)
class RandomStep:
    """One step of `reach` eps from a random point of the threat, then back into it. Cost: 1 forward, 1 backward."""

    reach: float = 1.25
    loss: AttackLoss = cross_entropy
    steps = 1

    def start(self, task: Task) -> State:
        return State(gradient_at(task.threat.sample(task.inputs, task.draws)))

    def step(self, task: Task, state: State, seen: Seen) -> State:
        length = self.reach * per_row(task.threat.eps, state.point)
        moved = state.point + length * task.threat.steepest(seen.gradient, state.point)
        return State(gradient_at(task.threat.project(moved, task.inputs)))


def n_fgsm(threat: Threat, warm_up: float = 0.0) -> Adversarial:
    """N-FGSM (de Jorge et al. 2022, https://arxiv.org/abs/2202.01181): noise of 2 eps, a step of eps, no projection.

    Cost per sample and update: 2 forwards, 2 backwards.
    """
    return Adversarial(Inner(threat, NoisyStep(), warm_up=warm_up), at_adversarial)


def fgsm_rs(threat: Threat, warm_up: float = 0.0) -> Adversarial:
    """Fast adversarial training (Wong, Rice & Kolter 2020, https://arxiv.org/abs/2001.03994): one step of 1.25 eps.

    Cost per sample and update: 2 forwards, 2 backwards. Of all objectives here the first to overfit catastrophically.
    """
    return Adversarial(Inner(threat, RandomStep(), warm_up=warm_up), at_adversarial)
