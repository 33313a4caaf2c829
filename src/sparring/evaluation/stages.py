"""Running a suite: each stage, with its aims and restarts, on what is still standing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from sparring.attacks.suites import Stage
from sparring.draws import Draws, row_keys
from sparring.engine import Findings, Progress, Task, search
from sparring.errors import Interrupted
from sparring.evaluation.ledger import Attempt, Ledger, attempt_of, settle
from sparring.evaluation.plan import Plan, climbs
from sparring.tensors import take
from sparring.threat import Untargeted

__all__ = ["Standing", "run_stages"]


@dataclass(frozen=True)
class Standing:
    """Where an audit stands; robust accuracy can still become anything from `settled_robust` to `standing`.

    Args:
        samples: All of them.
        correct: Classified correctly when clean.
        broken: Broken so far.
        settled: Nothing more will be done about these: clean errors, broken ones, survivors of the whole suite.
        stage: Name of the stage at work, with its aim or restart.
        passes: Forwards and backwards so far.
        passes_left: At most this many are still to come.
    """

    samples: int
    correct: int
    broken: int
    settled: int
    stage: str
    passes: int
    passes_left: int


Watch = Callable[[Standing], None]


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
        rows = ledger.standing
        if not len(rows):
            return
        task = _task(plan, ledger, rows, turn)
        later = sum(_price(each.stage, task) for each in turns[place + 1 :])
        tell = _teller(plan, ledger, turn.title, _price(turn.stage, task), later, watch)
        found = _search(plan, task, turn, tell)
        ledger = settle(ledger, rows, turn.number, found)
        yield ledger, attempt_of(turn.number, turn.restart, rows, task.aim, found)
        if not bool(found.finished.all()):
            return


def _search(plan: Plan, task: Task, turn: _Turn, tell: Callable[[Progress], None]) -> Findings:
    """One attempt; what was found so far if the user stops it."""
    attack, precision = turn.stage.attack, turn.precision
    try:
        return search(plan.model, task, attack, batch=plan.batch, precision=precision, progress=tell)
    except Interrupted as stop:
        return cast(Findings, stop.findings)


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
        goal=Untargeted(labels),
        threat=threat,
        draws=Draws(row_keys(plan.seed, chosen.ids, *words).to(inputs.device)),
        aim=aim,
        clean=clean,
    )


def _ranked(clean: Tensor, labels: Tensor) -> Tensor:
    """The other classes by descending clean score, `(B, C - 1)`."""
    return clean.scatter(1, labels[:, None], -torch.inf).argsort(dim=1, descending=True, stable=True)[:, :-1]


def _price(stage: Stage, task: Task) -> int:
    """Most passes that a sample can cost in one turn, as far as the first ask tells."""
    first = take(task, torch.arange(1, device=task.inputs.device))
    return (2 if climbs(stage, first) else 1) * (stage.attack.steps + 1)


def _teller(
    plan: Plan, ledger: Ledger, title: str, price: int, later: int, watch: Watch
) -> Callable[[Progress], None]:
    """Turn the engine's progress in one attempt into the standing of the whole audit."""
    correct, before = int(ledger.correct.sum()), int(ledger.broken.sum())
    spent = int(ledger.forwards.sum() + ledger.backwards.sum())

    def tell(progress: Progress) -> None:
        broken = before + progress.broken
        left = (progress.rows - progress.over) * price + (correct - broken) * later
        settled = len(plan.samples) - (correct - broken if later else progress.rows - progress.over)
        watch(Standing(len(plan.samples), correct, broken, settled, title, spent + progress.passes, left))

    return tell
