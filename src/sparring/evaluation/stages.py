"""Running a suite: each stage, with its aims and restarts, on what is still standing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from sparring.attacks.suites import Stage
from sparring.draws import Draws, row_keys
from sparring.engine import Findings, Progress, Task, search
from sparring.errors import Interrupted
from sparring.evaluation.ledger import Attempt, Ledger, attempt_of, settle
from sparring.evaluation.plan import Plan
from sparring.evaluation.randomised import Mostly
from sparring.evaluation.standing import Watch, price, teller
from sparring.evaluation.verifying import DRAWS, verify_rows
from sparring.threat import Untargeted

__all__ = ["run_stages"]


@dataclass(frozen=True)
class _Turn:
    """One run of one stage: at the aim-th class by descending clean score, for the restart-th time."""

    number: int
    stage: Stage
    aim: int | None
    restart: int
    precision: torch.dtype

    @property
    def title(self) -> str:
        aim = "" if self.aim is None else f", class {self.aim} of {self.stage.aims}"
        return f"{self.stage.name}{aim}" + (
            f", restart {self.restart + 1}" if self.stage.restarts > 1 else ""
        )


def run_stages(plan: Plan, ledger: Ledger, watch: Watch) -> Iterator[tuple[Ledger, Attempt]]:
    """The ledger after each attempt, and the attempt.

    A search below float32 may only find: what survives it goes through the suite again in float32. On Ctrl-C the
    attempt that was cut short is the last; not all of its rows are finished.
    """
    turns = _turns(plan, ledger.clean.shape[1])
    for place, turn in enumerate(turns):
        # the smallest change may still be found where a larger one is known
        rows = ledger.correct.nonzero().squeeze(1) if plan.smallest else ledger.standing
        if not len(rows):
            return
        task = _task(plan, ledger, rows, turn)
        task = replace(task, begin=ledger.adversarial[rows]) if plan.smallest and place else task
        later = sum(price(each.stage, task) for each in turns[place + 1 :])
        tell = teller(ledger, turn.title, price(turn.stage, task), later, watch, final=not plan.smallest)
        found = _search(plan, task, turn, tell)
        found = _held(plan, rows, found) if plan.model.randomised else found
        ledger = settle(ledger, rows, turn.number, found, final=not plan.smallest)
        yield ledger, attempt_of(turn.number, turn.restart, rows, task.aim, found)
        if not bool(found.finished.all()):
            return


def _search(plan: Plan, task: Task, turn: _Turn, tell: Callable[[Progress], None]) -> Findings:
    """One attempt; what was found so far if the user stops it."""
    attack, make = turn.stage.attack, turn.stage.stand_in
    searched, judge = (plan.model, None) if make is None else (make(plan.model), plan.model)
    options: dict[str, Any] = {"batch": plan.batch, "precision": turn.precision, "progress": tell}
    if plan.smallest:
        options |= {"retire": "never", "keep": "closest"}
    try:
        return search(searched, task, attack, judge=judge, **options)
    except Interrupted as stop:
        return cast(Findings, stop.findings)


def _held(plan: Plan, rows: Tensor, found: Findings) -> Findings:
    """What was found, less the successes that were luck: those that fresh draws do not confirm."""
    hits = found.success.nonzero().squeeze(1)
    confirmed = found.success.clone()
    confirmed[hits] = verify_rows(plan, rows[hits], found.adversarial[hits]).holds
    forwards = found.forwards + DRAWS * found.success
    return replace(
        found,
        success=confirmed,
        forwards=forwards,
        distance=found.distance.masked_fill(~confirmed, torch.inf),
    )


def _turns(plan: Plan, classes: int) -> list[_Turn]:
    """Everything the suite will run, in order; there are no more aims than other classes."""
    low = [] if plan.precision is torch.float32 else [plan.precision]
    return [
        _Turn(number, stage, aim, restart, precision)
        for precision in (*low, torch.float32)
        for number, stage in enumerate(plan.stages)
        for aim in (range(1, min(stage.aims, classes - 1) + 1) if stage.aims else [None])
        for restart in range(stage.restarts)
    ]


def _task(plan: Plan, ledger: Ledger, rows: Tensor, turn: _Turn) -> Task:
    """The samples of `rows`, bound to their threat, with draws that belong to sample, stage, aim and restart."""
    chosen, inputs, labels, threat = plan.rows(rows)
    clean = ledger.clean[rows]
    aim = None if turn.aim is None else _ranked(clean, labels)[:, turn.aim - 1]
    words = (turn.number, turn.stage.name, turn.aim, turn.restart)
    return Task(
        inputs=inputs,
        goal=Mostly(Untargeted(labels)) if plan.model.randomised else Untargeted(labels),
        threat=threat,
        draws=Draws(row_keys(plan.seed, chosen.ids, *words).to(inputs.device)),
        aim=aim,
        clean=clean,
    )


def _ranked(clean: Tensor, labels: Tensor) -> Tensor:
    """The other classes by descending clean score, `(B, C - 1)`."""
    return clean.scatter(1, labels[:, None], -torch.inf).argsort(dim=1, descending=True, stable=True)[:, :-1]
