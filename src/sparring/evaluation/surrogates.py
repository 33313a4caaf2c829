"""A surrogate in an audit: a model of the attacker's own, whose gradients say where to ask the one under attack."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import torch

from sparring.attacks import BestOf, Estimated
from sparring.attacks.best_of import members
from sparring.engine import Attack
from sparring.engine.ask import Look
from sparring.errors import ModelError, SparringError, UsageError
from sparring.evaluation.plan import Plan
from sparring.models import Model
from sparring.models.canonical import show

__all__ = ["led", "led_by", "surrogate_of"]

AnyAttack = TypeVar("AnyAttack", bound=Attack)


def led_by(plan: Plan, surrogate: Model) -> Plan:
    """The plan with `surrogate` in every attack that can be led by one.

    Raises:
        ModelError: The surrogate gives no gradients, or fails on these samples.
        UsageError: No attack of the suite can be led.
    """
    if not surrogate.gradients:
        raise ModelError(
            f"the surrogate {surrogate.name} gives no gradients, which is all that a surrogate is for; give a net, "
            "such as net.pt2 or code.py:factory"
        )
    _try_on(surrogate, plan)
    stages = tuple(replace(stage, attack=led(stage.attack, surrogate)) for stage in plan.stages)
    if stages == plan.stages:
        raise UsageError(
            f"no attack of the suite {plan.suite} asks along the gradients of a surrogate under this threat; take the "
            "suite blackbox under linf, l2, or a smallest change in linf, l2 or l1, or leave the surrogate out"
        )
    note = f"the surrogate {surrogate.name} said along which directions to ask, too; what it was shown is not counted"
    return replace(plan, stages=stages, model=plan.model.having(notes=(*plan.model.notes, note)))


def led(attack: AnyAttack, surrogate: Look) -> AnyAttack:
    """The attack with a surrogate wherever it can use one."""
    if isinstance(attack, BestOf):
        return replace(attack, attacks=tuple(led(each, surrogate) for each in attack.attacks))
    return replace(attack, surrogate=surrogate) if isinstance(attack, Estimated) else attack


def _try_on(surrogate: Model, plan: Plan) -> None:
    """Show the surrogate one sample, before the model under attack is asked for anything more."""
    try:
        with torch.no_grad():
            show(surrogate, plan.samples.first(1).to(surrogate.device))
    except SparringError as error:
        raise ModelError(f"the surrogate {surrogate.name} does not take these samples: {error}") from error


def surrogate_of(plan: Plan) -> Model | None:
    """The surrogate of a plan, if it has one that was loaded."""
    attacks = [each for stage in plan.stages for each in members(stage.attack)]
    found = [each.surrogate for each in attacks if isinstance(each, Estimated)]
    return next((each for each in found if isinstance(each, Model)), None)
