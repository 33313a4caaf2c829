"""Running a suite: each stage, with its aims and restarts, on what is still standing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from sparring.attacks import Averaged
from sparring.attacks.suites import Stage
from sparring.draws import Draws, row_keys
from sparring.engine import Findings, Progress, Task, search
from sparring.errors import Interrupted
from sparring.evaluation.ledger import MARKS, Attempt, Ledger, attempt_of, settle
from sparring.evaluation.plan import Plan
from sparring.evaluation.randomised import CLEARLY, DRAWS, Mostly
from sparring.evaluation.search.aiming import by_distance, by_score
from sparring.evaluation.search.query_budget import left
from sparring.evaluation.search.standing import Watch, price, teller
from sparring.evaluation.search.turned_away import UntilTurnedAway
from sparring.evaluation.verifying import verify_rows
from sparring.models.apart import Apart
from sparring.models.remote.target import remote_behind, turned_away
from sparring.tensors import pick, put, take
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
    nearest: Tensor | None = None
    for place, turn in enumerate(turns):
        rows = _wanted(plan, ledger, turn.stage)
        budget = left(plan, ledger, rows)
        if budget is not None:
            rows, budget = rows[budget > 0], budget[budget > 0]
        if not len(rows):
            continue
        task = _task(plan, ledger, rows, turn)
        if turn.stage.order == "distance" and turn.aim is not None:
            if nearest is None:
                ledger, nearest = _measured(plan, ledger, turn)
            task = replace(task, aim=nearest[rows, turn.aim - 1])
        task = replace(task, begin=ledger.adversarial[rows]) if plan.smallest and place else task
        now, later = _prices([each.stage for each in turns[place:]], task, budget)
        tell = teller(ledger, turn.title, now, later, watch, final=not plan.smallest)
        found = _search(plan, task, turn, tell, budget)
        risk = None
        if plan.model.randomised:
            found, risk = _fixed(plan, take(ledger, rows), rows, found)
        ledger = settle(ledger, rows, turn.number, found, risk, final=not plan.smallest)
        ledger = ledger if turned_away(plan.model) is None else _without_answers(ledger)
        yield ledger, attempt_of(turn.number, turn.restart, rows, task.aim, found)
        if not bool(found.finished.all()):
            return


def _without_answers(ledger: Ledger) -> Ledger:
    """The ledger of samples of which a target refused some: those that had a look without an answer."""
    return replace(ledger, turned_away=ledger.turned_away | (ledger.odd > 0))


def _prices(stages: list[Stage], task: Task, budget: Tensor | None) -> tuple[int, int]:
    """Most passes that a sample can cost in the first of `stages`, and in those after it."""
    now, *later = [price(stage, task) for stage in stages]
    most = now + sum(later) if budget is None else int(budget.max())
    return min(now, most), min(sum(later), most - min(now, most))


def _open(plan: Plan, ledger: Ledger) -> Tensor:
    """Samples that may still be attacked, as indices: the smallest change may be found where a larger one is known."""
    return (ledger.correct & ~ledger.turned_away).nonzero().squeeze(1) if plan.smallest else ledger.standing


def _wanted(plan: Plan, ledger: Ledger, stage: Stage) -> Tensor:
    """Open samples that a stage wants: all, or those that were brought near enough, as indices."""
    rows = _open(plan, ledger)
    if stage.near >= 1 or not len(rows):
        return rows
    labels = plan.samples.labels[rows.cpu()].to(rows.device)
    clean = Untargeted(labels).margin(ledger.clean[rows, None])[:, 0]
    return rows[ledger.margin[rows] >= stage.near * clean]


def _measured(plan: Plan, ledger: Ledger, turn: _Turn) -> tuple[Ledger, Tensor]:
    """The ledger after distances to other classes were paid for, and the classes of each sample, nearest first.

    Samples that are not open any more are not looked at.
    """
    rows, make = _open(plan, ledger), turn.stage.stand_in
    searched = plan.model if make is None else make(plan.model)
    found = by_distance(searched, _task(plan, ledger, rows, turn), plan.batch)
    old = take(ledger, rows)
    paid = replace(old, forwards=old.forwards + 1, backwards=old.backwards + found.shape[1])
    nearest = found.new_zeros(len(ledger.correct), found.shape[1])
    nearest[rows] = found
    return put(ledger, rows, paid), nearest


def _search(
    plan: Plan, task: Task, turn: _Turn, tell: Callable[[Progress], None], budget: Tensor | None
) -> Findings:
    """One attempt; what was found so far if the user stops it."""
    attack = turn.stage.attack
    plan = plan if turn.precision is torch.float32 else replace(plan, prepared=None)
    searched, judge, exact = plan.asked(turn.stage.stand_in)
    if plan.model.randomised and isinstance(attack, Averaged):
        searched, judge = Apart(searched, attack.draws), judge and Apart(judge, attack.draws)
    options: dict[str, Any] = {
        "batch": plan.batch,
        "precision": turn.precision,
        "progress": tell,
        "budget": budget,
        "exact": exact,
        "keep": "last" if plan.model.randomised else "first",
    }
    if plan.smallest:
        options |= {"retire": "never", "keep": "closest"}
    if remote_behind(plan.model) is not None:
        attack = UntilTurnedAway(attack)
    try:
        return search(searched, task, attack, judge=judge, **options)
    except Interrupted as stop:
        return cast(Findings, stop.findings)


def _fixed(plan: Plan, before: Ledger, rows: Tensor, found: Findings) -> tuple[Findings, Tensor]:
    """What was found, with one point per row: where the attempt ended, if the model errs more often there in fresh
    draws than at the point from `before`; and how often it errs. A success is a point where it clearly does.
    """
    seen = verify_rows(plan, rows, found.adversarial)
    seen = replace(seen, risk=seen.risk.nan_to_num(nan=0.0))
    broken = seen.holds & (seen.risk > CLEARLY)
    worse = seen.risk.to(before.risk.dtype) > before.risk
    fixed = replace(
        found,
        success=broken,
        adversarial=pick(worse, found.adversarial, before.adversarial),
        distance=seen.distance.float().masked_fill(~broken, torch.inf),
        found_after=torch.where(worse, found.forwards + found.backwards, -1),
        forwards=found.forwards + DRAWS,
    )
    return fixed, torch.where(worse, seen.risk.to(before.risk.dtype), before.risk)


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
    aim = None if turn.aim is None else by_score(clean, labels)[:, turn.aim - 1]
    words = (turn.number, turn.stage.name, turn.aim, turn.restart)
    return Task(
        inputs=inputs,
        goal=Mostly(Untargeted(labels)) if plan.model.randomised else Untargeted(labels),
        threat=threat,
        draws=Draws(row_keys(plan.seed, chosen.ids, *words).to(inputs.device)),
        aim=aim,
        clean=clean,
        marks=torch.tensor(MARKS, device=clean.device) - ledger.forwards[rows, None]
        if plan.smallest
        else None,
    )
