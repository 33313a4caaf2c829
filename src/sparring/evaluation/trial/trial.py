"""The trial: before an audit, several kinds of attack are held against each other on a few samples.

Every other method gets the samples that gradients leave standing, so that it shows when they mislead: when the opposite
direction, a mean over neighbours, a way around what stops gradients, or mere chance does better. What does better joins
the suite (`fitting.py`). A sample that gradients break has nothing to show, and nothing more is spent on it.
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
from sparring.models.stand_ins.reversed import reversed_gradients
from sparring.models.stand_ins.straight_through import OPTIMISATION, straight_through
from sparring.models.stand_ins.unoptimised import unoptimised
from sparring.tensors import put, tree_map
from sparring.threat import Threat, Untargeted

__all__ = ["ROWS", "Trial", "climber", "held_trial", "optimises", "seeker"]

ROWS = 32
"""Most samples in a trial; it takes no more than an eighth of them all, for `fast` a 32nd, but for 8."""


@dataclass(frozen=True)
class Trial:
    """What each method did to the same samples.

    Args:
        rows: Samples tried, as indices.
        broken: For each method which of them it broke, `(R,)`: of all for the first, which climbs the model's own
            gradient; of those that the first left for the others; for chance, of those that all others left.
        far: Which of them the best climb broke, at the latest without bounds, `(R,)`.
        forwards, backwards: What it cost, in all.
    """

    rows: Tensor
    broken: dict[str, Tensor]
    far: Tensor
    forwards: int
    backwards: int

    @property
    def first(self) -> Tensor:
        """Which samples the first method broke, `(R,)`."""
        return next(iter(self.broken.values()))


def held_trial(plan: Plan, ledger: Ledger) -> Trial:
    """Try every method that applies on up to `ROWS` correct samples, drawn by id.

    Raises:
        Interrupted: On Ctrl-C.
    """
    first, *others = _climbing(plan)
    rows, norm = _drawn(plan, ledger), plan.threat.norm
    every = torch.ones_like(rows, dtype=torch.bool)
    trial = _tried(plan, ledger, first, Trial(rows, {}, every, 0, 0), every)
    left = ~trial.first
    for stage in others:
        trial = _tried(plan, ledger, stage, trial, left)
    trial = _tried(plan, ledger, _chance(plan), trial, ~torch.stack(list(trial.broken.values())).any(0))
    if norm != "l1":  # whose climb cannot go without bounds
        unbounded = Stage("far", climber(norm, 100), stand_in=first.stand_in)
        trial = _tried(plan, ledger, unbounded, trial, left)
        trial = replace(trial, far=trial.broken.pop("far") | trial.first)
    return tree_map(Tensor.cpu, trial)


def _tried(plan: Plan, ledger: Ledger, stage: Stage, trial: Trial, shown: Tensor) -> Trial:
    """The trial after one more method, on the samples `shown` `(R,)` to it."""
    searched, judge, exact = plan.asked(stage.stand_in)
    task = _task(plan, ledger, trial.rows[shown], stage.name)
    task = replace(task, threat=_unbounded(plan, task.threat)) if stage.name == "far" else task
    found = search(searched, task, stage.attack, judge=judge, exact=exact, batch=plan.batch)
    return replace(
        trial,
        broken={**trial.broken, stage.name: put(torch.zeros_like(shown), shown, found.success)},
        forwards=trial.forwards + int(found.forwards.sum()),
        backwards=trial.backwards + int(found.backwards.sum()),
    )


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


def _climbing(plan: Plan) -> list[Stage]:
    """The methods that climb, the model's own gradient first where it has one."""
    climb, around = climber(plan.threat.norm, 50), []
    if plan.model.stops is not None:
        smoothed = Averaged(climber(plan.threat.norm, 25), 8, 1.0)
        around = [
            Stage("straight-through", climb, stand_in=straight_through),
            Stage("smoothed", smoothed, stand_in=straight_through),
        ]
    own = [
        Stage("gradients", climb),
        Stage("reversed", climb, stand_in=reversed_gradients),
        Stage("nearer", Nearer(climb)),
    ]
    unlike = [Stage("unoptimised", climb, stand_in=unoptimised)] if optimises(plan) else []
    return [*(own if plan.model.gradients else []), *around, *unlike]


def _chance(plan: Plan) -> Stage:
    """Search at random."""
    return Stage("random", seeker(plan.threat.norm, 300 if plan.suite == "fast" else 1000))


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
