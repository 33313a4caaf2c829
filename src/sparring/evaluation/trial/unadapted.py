"""The plain figure: what an attacker who knows nothing of a defence leaves standing.

It stands beside robust accuracy only to show the difference, as defences used to be published (Athalye, Carlini &
Wagner 2018, https://arxiv.org/abs/1802.00420): the gradients of the model as it was written, one draw per look, no way
around anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from sparring.draws import Draws, row_keys
from sparring.engine import Findings, Task, search
from sparring.errors import Interrupted
from sparring.evaluation.ledger import Ledger
from sparring.evaluation.plan import Plan, climbs, first_row
from sparring.evaluation.trial.trial import climber
from sparring.evaluation.verifying import verify_rows
from sparring.models.declared import as_written, ways_through
from sparring.models.remote.target import remote_behind
from sparring.threat import Untargeted, threat_kind

__all__ = ["Unadapted", "unadapted"]

AT_ONCE = 256
"""Samples whose points are held in memory together."""

STEPS = 25
"""Of the climb; more of them do not help who climbs the wrong thing."""


@dataclass(frozen=True)
class Unadapted:
    """The plain figure.

    Args:
        ways: How an attacker gets through the defences in the model, as these say; empty if none says so.
        steps: Of the attack.
        right: Samples that it leaves right; of a model that answers at random, the sum of their shares.
        forwards, backwards: What it cost, in all.
    """

    ways: tuple[str, ...]
    steps: int
    right: float
    forwards: int
    backwards: int


def unadapted(plan: Plan, ledger: Ledger) -> Unadapted | None:
    """Attack every correct sample as if there were no defence; None where there is none, or no time for it.

    A defence is what says so itself (`models/declared.py`), what stops gradients, or what answers at random.
    """
    ways = ways_through(plan.model)
    if not (ways or plan.model.stops or plan.model.randomised) or not _applies(plan):
        return None
    torch.manual_seed(plan.seed)  # for models that draw
    right, forwards, backwards = 0.0, 0, 0
    try:
        for rows in ledger.correct.nonzero().squeeze(1).split(AT_ONCE):
            wrong, found = _climbed(plan, ledger, rows)
            right += float((1 - wrong).sum())
            forwards, backwards = forwards + int(found.forwards.sum()), backwards + int(found.backwards.sum())
    except (Interrupted, KeyboardInterrupt):
        return None
    return Unadapted(ways, STEPS, right, forwards, backwards)


def _climbed(plan: Plan, ledger: Ledger, rows: Tensor) -> tuple[Tensor, Findings]:
    """How often some samples are wrong where the climb ends, and the climb."""
    chosen, inputs, labels, threat = plan.rows(rows)
    draws = Draws(row_keys(plan.seed, chosen.ids, "unadapted").to(inputs.device))
    task = Task(inputs, Untargeted(labels), threat, draws, clean=ledger.clean[rows])
    with as_written(plan.model):
        # where one draw may be luck, the last point counts, and fresh draws judge it
        climbed = partial(search, retire="never", keep="last") if plan.model.randomised else search
        found = climbed(plan.model, task, climber(threat.norm, STEPS), batch=plan.batch)
    held = verify_rows(plan, rows, found.adversarial)
    return held.risk if plan.model.randomised else (held.holds & found.success).double(), found


def _applies(plan: Plan) -> bool:
    usual = threat_kind(plan.threat) in ("linf", "l2", "l1") and isinstance(plan.threat.eps, float)
    climbing = any(climbs(stage, first_row(plan.samples, plan.threat)) for stage in plan.stages)
    return usual and climbing and plan.suite != "smoke" and remote_behind(plan.model) is None
