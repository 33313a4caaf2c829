"""An outcome as tables: a row per sample, and a row per attempt on it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan
from sparring.evaluation.risk import LEVEL
from sparring.models.remote.target import refused
from sparring.storage import attempts_table, records_table

__all__ = ["attempts_of", "records_of"]


def records_of(plan: Plan, outcome: Outcome) -> pa.Table:
    """A row per sample."""
    ledger, samples, broken = outcome.ledger, plan.samples, outcome.broken.tolist()
    answer, distance = (
        _at_rows(outcome, values) for values in (outcome.verified.prediction, outcome.verified.distance)
    )
    names = [plan.stages[number].name for number in ledger.stage.tolist()]
    return records_table(
        {
            "id": samples.ids,
            "index": samples.index.tolist(),
            "label": samples.labels.tolist(),
            "prediction": ledger.clean.argmax(1).masked_fill(ledger.clean.isnan().any(1), -1).tolist(),
            "status": _statuses(plan, outcome),
            "attack": _where(broken, names),
            "adversarial_prediction": _where(broken, answer),
            "distance": _distances(plan, outcome, distance),
            "margin": _finite(ledger.margin),
            "forwards": ledger.forwards.tolist(),
            "backwards": ledger.backwards.tolist(),
            "queries": ledger.queries.tolist(),
            "found_after": _where(broken, ledger.found_after.tolist()),
            "verified": broken,
            "broken_8bit": [None] * len(samples) if outcome.on_grid is None else outcome.on_grid.tolist(),
            "risk": _risk(plan, outcome),
        }
    )


def _risk(plan: Plan, outcome: Outcome) -> list[float | None]:
    """How often each broken sample errs at its fixed point, and each of a model that draws.

    For samples that were given up, the bound on the chance that `standard` would break one of them.
    """
    bound, asked = outcome.risk.share(1 - LEVEL), outcome.broken | plan.model.randomised
    rows = zip(asked.tolist(), outcome.errs.tolist(), outcome.gave_up.tolist(), strict=True)
    return [errs if mark and errs == errs else bound if left else None for mark, errs, left in rows]


def _distances(plan: Plan, outcome: Outcome, verified: list[float]) -> list[float | None]:
    """How far each adversarial example is; an input that is wrong as it is needs no change, so its smallest is zero."""
    broken = outcome.broken.tolist()
    wrong = (~outcome.ledger.correct & plan.smallest).tolist()
    return [
        each if hit else 0.0 if zero else None
        for hit, zero, each in zip(broken, wrong, verified, strict=True)
    ]


def _statuses(plan: Plan, outcome: Outcome) -> list[str]:
    """A word for each sample; those that were not searched to the end are told by who is to blame."""
    ledger, words = outcome.ledger, []
    unsettled = "unfinished" if refused(plan.model) is None else "unanswered"
    marks = (outcome.unanswered, ledger.correct, outcome.broken, ledger.finished, outcome.gave_up)
    for unanswered, correct, broken, finished, gave_up in zip(
        *(mark.tolist() for mark in marks), strict=True
    ):
        left = "gave_up" if gave_up else "robust" if finished else unsettled
        left = "clean_error" if not correct else "broken" if broken else left
        words.append("unanswered" if unanswered else left)
    return words


def attempts_of(plan: Plan, outcome: Outcome) -> pa.Table:
    """A row per sample, stage, aim and restart."""
    names = ("id", "index", "stage", "attack", "aim", "start", "outcome", "margin", "distance")
    columns: dict[str, list[Any]] = {
        name: [] for name in (*names, "forwards", "backwards", "queries", "steps")
    }
    for attempt in outcome.attempts:
        rows, stage = attempt.rows.tolist(), plan.stages[attempt.stage]
        success, finished = attempt.success.tolist(), attempt.finished.tolist()
        columns["id"] += [plan.samples.ids[row] for row in rows]
        columns["index"] += plan.samples.index[attempt.rows.cpu()].tolist()
        columns["stage"] += [stage.name] * len(rows)
        columns["attack"] += [type(stage.attack).__name__] * len(rows)
        columns["aim"] += [None] * len(rows) if attempt.aim is None else attempt.aim.tolist()
        columns["start"] += [attempt.restart] * len(rows)
        columns["outcome"] += [
            "broken" if hit else "held" if done else "unfinished"
            for hit, done in zip(success, finished, strict=True)
        ]
        columns["margin"] += _finite(attempt.margin)
        columns["distance"] += _where(success, attempt.distance.tolist())
        columns["steps"] += attempt.asks.tolist()
        for name in ("forwards", "backwards", "queries"):
            columns[name] += getattr(attempt, name).tolist()
    return attempts_table(columns)


def _at_rows(outcome: Outcome, values: Tensor) -> list[Any]:
    """`values` of the rows that were verified, in their places among all samples."""
    whole = torch.zeros(len(outcome.ledger.broken), dtype=values.dtype, device=values.device)
    whole[outcome.rows] = values
    return whole.tolist()


def _where(chosen: list[bool], values: list[Any]) -> list[Any]:
    return [value if yes else None for yes, value in zip(chosen, values, strict=True)]


def _finite(values: Tensor) -> list[float | None]:
    """Numbers, and None for what was never seen."""
    return [value if abs(value) < torch.inf else None for value in values.tolist()]
