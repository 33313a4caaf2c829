"""Planted weaknesses: can the search find a point that is known to be there?

Zimmermann, Brendel, Tramer & Carlini 2022 (https://arxiv.org/abs/2206.13991). For each of a few samples a point at the
rim of the threat is drawn, and the model's logits z are read out anew, along a line on which that point stands out
from points near the sample:

    found at x  if  w z(x) > t,    w = z(rim) - mean z(near),    max w z(near) < t < w z(rim)

The net behind the readout, and all that may hide its gradients, is the model's own; an answer exists by construction.
A search that does not find it would not find an adversarial example either. We deviate: the readout is a difference
of logits instead of a trained layer, for a callable shows no more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sparring.attacks import Averaged
from sparring.draws import Draws, row_keys
from sparring.engine import Task, search
from sparring.evaluation.plan import Plan, climbs, first_row
from sparring.evaluation.trial.trial import climber, seeker
from sparring.models.canonical import show
from sparring.tensors import take
from sparring.threat import Threat

__all__ = ["Found", "Planted", "plant", "sought"]

NEAR = 20
"""Points near each sample: half as far away as the threat allows, every other one at the rim of that."""

HARD = 0.9
"""Where the threshold stands between the points near the sample and the one at the rim."""


@dataclass(frozen=True)
class Planted:
    """The goal: the readout is above its threshold. `weights` `(B, C)`, `threshold` and `labels` `(B,)`."""

    weights: Tensor
    threshold: Tensor
    labels: Tensor
    wanted = None

    def scores(self, outputs: Any) -> Tensor:
        """Two classes, the second of which is wanted, `(B, P, 2)`."""
        ahead = self.margin(outputs)
        return torch.stack([-ahead, ahead], -1)

    def reached(self, outputs: Any) -> Tensor:
        """`(B, P)`."""
        return self.margin(outputs) > 0

    def margin(self, outputs: Any) -> Tensor:
        """How far the readout is above, `(B, P)`."""
        return (outputs * self.weights[:, None]).sum(-1) - self.threshold[:, None]


@dataclass(frozen=True)
class Found:
    """How many points were planted, how many of them the search found, and what that cost in all."""

    planted: int
    found: int
    forwards: int
    backwards: int


def sought(plan: Plan, rows: Tensor) -> Found:
    """Plant a point near each of the samples `rows` `(R,)` and search for it in every way in which the plan climbs.

    Chance may find such points too, where a net is simple; so it is asked only if the plan has nothing else.

    Raises:
        Interrupted: On Ctrl-C.
    """
    task, cost = plant(plan, rows)
    planted = len(task)
    forwards, backwards = cost, 0
    for attack, make in _ways(plan):
        if not len(task):
            break
        searched, judge, exact = plan.asked(make)
        seen = search(searched, task, attack, judge=judge, exact=exact, batch=plan.batch)
        forwards, backwards = forwards + int(seen.forwards.sum()), backwards + int(seen.backwards.sum())
        task = take(task, ~seen.success)
    return Found(planted, planted - len(task), forwards, backwards)


def plant(plan: Plan, rows: Tensor) -> tuple[Task, int]:
    """The samples near which the model lets a point stand out, with that as the goal; and the forwards it took."""
    chosen, inputs, labels, threat = plan.rows(rows)
    draws, own = (
        Draws(row_keys(plan.seed, chosen.ids, *words).to(inputs.device))
        for words in (("planted",), ("planted", "sought"))
    )
    rim = _answers(plan, _far(threat, inputs, draws, 0))
    half = replace(threat, eps=threat.eps / 2)
    shift = [
        _far(half, inputs, draws, draw)
        if draw % 2
        else half.project(_noise(half, inputs, draws, draw), inputs)
        for draw in range(1, NEAR)
    ]
    near = torch.stack([_answers(plan, points) for points in (inputs, *shift)], 1)
    weights = rim - near.mean(1)
    top, low = (rim * weights).sum(1), (near * weights[:, None]).sum(2).amax(1)
    goal = Planted(weights, low + HARD * (top - low), labels)
    # less than rounding leaves no room between the points
    plain = (top - low) > 1e-5 * (near * weights[:, None]).sum(2).abs().amax(1).clamp_min(1e-30)
    task = Task(inputs, goal, threat, own, clean=near[:, 0])
    return take(task, plain & weights.isfinite().all(1)), (NEAR + 1) * len(rows)


def _far(threat: Threat, inputs: Tensor, draws: Draws, draw: int) -> Tensor:
    """Points at the rim of the threat."""
    return threat.project(inputs + 100 * (_noise(threat, inputs, draws, draw) - inputs), inputs)


def _noise(threat: Threat, inputs: Tensor, draws: Draws, draw: int) -> Tensor:
    return inputs + threat.eps * draws.normal(inputs, draw)


def _answers(plan: Plan, points: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([show(plan.model, part) for part in points.split(plan.batch)]).float()


def _ways(plan: Plan) -> list[tuple[Any, Any]]:
    """Each way in which the plan climbs, once, or chance: attack and stand-in."""
    first = first_row(plan.samples, plan.threat)
    climbing = [stage for stage in plan.stages if climbs(stage, first)]
    stand_ins = list(dict.fromkeys(stage.stand_in for stage in climbing))
    norm = plan.threat.norm
    ways: list[tuple[Any, Any]] = [(climber(norm, 100), make) for make in stand_ins]
    ways += [
        (replace(stage.attack, attack=climber(norm, 50)), stage.stand_in)
        for stage in climbing
        if isinstance(stage.attack, Averaged)
    ]
    return ways or [(seeker(norm, 1000), None)]
