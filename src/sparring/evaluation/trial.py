"""The trial: before an audit, several kinds of attack are held against each other on a few samples.

Every method gets every sample, whether another has broken it or not, so that it shows when gradients mislead: when
the opposite direction, a mean over neighbours, a way around what stops gradients, or mere chance does better. What
does better joins the suite (`fitting.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

import torch
from torch import Tensor

from sparring.attacks import APGD, APGDL1, Averaged, Nearer, Square, SquareL1, SquareL2, margin
from sparring.attacks.suites import Stage
from sparring.draws import Draws, row_keys
from sparring.engine import Attack, Task, search
from sparring.evaluation.ledger import Ledger
from sparring.evaluation.plan import Plan
from sparring.models.reversed import reversed_gradients
from sparring.models.straight_through import OPTIMISATION, straight_through
from sparring.models.unoptimised import unoptimised
from sparring.threat import Threat, Untargeted

__all__ = ["ROWS", "Trial", "climber", "held_trial", "optimises", "seeker"]

ROWS = 32
"""Most samples in a trial; it takes no more than an eighth of them all, for `fast` a 32nd, but for 8."""


@dataclass(frozen=True)
class Trial:
    """What each method did to the same samples.

    Args:
        rows: Samples tried, as indices.
        broken: For each method which of them it broke, `(R,)`.
        far: Which of them the best climb broke without bounds, `(R,)`.
        forwards, backwards: What it cost, in all.
    """

    rows: Tensor
    broken: dict[str, Tensor]
    far: Tensor
    forwards: int
    backwards: int

    def beyond(self, method: str, *others: str) -> int:
        """How many samples `method` broke that none of `others` did."""
        mine = self.broken[method]
        for other in others:
            mine = mine & ~self.broken[other]
        return int(mine.sum())


def held_trial(plan: Plan, ledger: Ledger) -> Trial:
    """Try every method that applies on up to `ROWS` correct samples, drawn by id.

    Raises:
        Interrupted: On Ctrl-C.
    """
    rows = _drawn(plan, ledger)
    broken: dict[str, Tensor] = {}
    forwards = backwards = 0
    for stage in (*_methods(plan), *_far(plan)):
        make = stage.stand_in
        searched, judge = (plan.model, None) if make is None else (make(plan.model), plan.model)
        task = _task(plan, ledger, rows, stage.name)
        task = replace(task, threat=_unbounded(plan, task.threat)) if stage.name == "far" else task
        found = search(searched, task, stage.attack, judge=judge, batch=plan.batch)
        broken[stage.name] = found.success.cpu()
        forwards, backwards = forwards + int(found.forwards.sum()), backwards + int(found.backwards.sum())
    far = broken.pop("far", torch.ones(len(rows), dtype=torch.bool))
    return Trial(rows.cpu(), broken, far, forwards, backwards)


def _far(plan: Plan) -> list[Stage]:
    """The climb that must break everything when nothing bounds it; the one for L1 cannot go without bounds."""
    if plan.threat.norm == "l1":
        return []
    stand_in = None if plan.model.gradients else straight_through
    return [Stage("far", climber(plan.threat.norm, 100), stand_in=stand_in)]


def _unbounded(plan: Plan, threat: Threat) -> Threat:
    """The same threat, so large that it holds every value that the data can have."""
    low, high = (
        torch.as_tensor(bound).float() for bound in (plan.samples.domain.low, plan.samples.domain.high)
    )
    corner = torch.broadcast_to(high - low, plan.samples.domain.shape)[None]
    return replace(threat, eps=float(threat.distance(corner, torch.zeros_like(corner))))


def climber(norm: str, steps: int) -> Attack:
    """The attack that climbs gradients best in a norm."""
    return APGDL1(steps, margin) if norm == "l1" else APGD(steps, margin)


def seeker(norm: str, steps: int) -> Attack:
    """The attack that searches at random in a norm."""
    match norm:
        case "l2":
            return SquareL2(steps)
        case "l1":
            return SquareL1(steps)
    return Square(steps)


def _methods(plan: Plan) -> list[Stage]:
    """The methods, in the order in which reports name them."""
    climb = climber(plan.threat.norm, 50)
    methods = [Stage("random", seeker(plan.threat.norm, 300 if plan.suite == "fast" else 1000))]
    if plan.model.gradients:
        methods += [
            Stage("gradients", climb),
            Stage("reversed", climb, stand_in=reversed_gradients),
            Stage("nearer", Nearer(climb)),
        ]
    if plan.model.stops is not None:
        smoothed = Averaged(climber(plan.threat.norm, 25), 8, 1.0)
        methods += [
            Stage("straight-through", climb, stand_in=straight_through),
            Stage("smoothed", smoothed, stand_in=straight_through),
        ]
    if optimises(plan):
        methods.append(Stage("unoptimised", climb, stand_in=unoptimised))
    return methods


def optimises(plan: Plan) -> bool:
    """Whether the model takes gradient steps while it answers."""
    return plan.model.stops is not None and OPTIMISATION in plan.model.stops


def _drawn(plan: Plan, ledger: Ledger) -> Tensor:
    """Correct samples with the smallest hashes of their ids: the same whatever the order."""
    ids = plan.samples.ids
    correct = ledger.correct.nonzero().squeeze(1).tolist()
    chosen = sorted(correct, key=lambda row: sha256(f"trial {ids[row]}".encode()).digest())
    share = 32 if plan.suite == "fast" else 8
    chosen = chosen[: max(8, min(ROWS, len(ids) // share))]
    return torch.tensor(sorted(chosen), dtype=torch.int64, device=ledger.correct.device)


def _task(plan: Plan, ledger: Ledger, rows: Tensor, method: str) -> Task:
    chosen, inputs, labels, threat = plan.rows(rows)
    return Task(
        inputs=inputs,
        goal=Untargeted(labels),
        threat=threat,
        draws=Draws(row_keys(plan.seed, chosen.ids, "trial", method).to(inputs.device)),
        clean=ledger.clean[rows],
    )
