"""An outcome written up as a run: the tables, the result, the tensors."""

from __future__ import annotations

import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from sparring.evaluation.findings import findings_of
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan
from sparring.evaluation.statistics import exact_interval
from sparring.storage import Run, attempts_table, records_table
from sparring.threat import threat_text, threat_words

__all__ = ["run_of"]

GALLERY = 24
"""How many examples keep their original beside them, for the pictures of the report."""


def run_of(plan: Plan, outcome: Outcome) -> Run:
    """The run that `outcome` amounts to; nothing in it but `date` and `seconds` depends on when it ran."""
    return Run(
        _result(plan, outcome), _records(plan, outcome), _attempts(plan, outcome), _tensors(plan, outcome)
    )


def _result(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    ledger, count = outcome.ledger, len(plan.samples)
    robust = int(outcome.robust.sum())
    drawn = exact_interval(robust, count) if not plan.samples.ordered else None
    return {
        "schema_version": "1.0",
        "kind": "audit",
        "verdict": "measured" if outcome.complete else "incomplete",
        "reasons": [] if outcome.complete else ["the search was interrupted; what was found so far is kept"],
        "samples": count,
        "clean_correct": int(ledger.correct.sum()),
        "robust": robust,
        "robust_accuracy": robust / count,
        "robust_8bit": None if outcome.on_grid is None else _robust_on_grid(outcome),
        "interval": None if drawn is None else {**asdict(drawn), "method": "Clopper-Pearson"},
        "interval_note": _interval_note(plan),
        "threat": _threat(plan),
        "suite": {"name": plan.suite, "stages": [_stage(stage) for stage in plan.stages]},
        "seed": plan.seed,
        "forwards": int(ledger.forwards.sum()),
        "backwards": int(ledger.backwards.sum()),
        "queries": int(ledger.queries.sum()),
        "seconds": round(outcome.seconds, 3),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "findings": findings_of(plan, outcome),
        "versions": {
            "sparring": _version("sparring"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "model": _model(plan),
        "data": _data(plan),
        "command": None,
        "python": None,
        "curve": _curve(outcome),
        "body": {},
    }


def _robust_on_grid(outcome: Outcome) -> int:
    """Correct samples that whole grey levels do not break."""
    assert outcome.on_grid is not None
    return int((outcome.ledger.correct & ~outcome.on_grid & outcome.complete).sum())


def _interval_note(plan: Plan) -> str:
    if plan.samples.ordered:
        return (
            "No interval: these samples are all there are, or the first in a fixed order, not a random draw."
        )
    return (
        "The interval is about the draw of the samples alone; attacks find breaks, never that there are none."
    )


def _threat(plan: Plan) -> dict[str, Any]:
    eps = plan.threat.eps
    return {
        "text": threat_text(plan.threat),
        "norm": plan.threat.norm,
        "eps": eps if isinstance(eps, float) else None,
        "words": threat_words(plan.threat, plan.samples.domain),
    }


def _stage(stage: Any) -> dict[str, Any]:
    return {
        "name": stage.name,
        "attack": type(stage.attack).__name__,
        "aims": stage.aims,
        "restarts": stage.restarts,
        "steps": stage.attack.steps,
    }


def _model(plan: Plan) -> dict[str, Any]:
    model = plan.model
    return {
        "name": model.name,
        "source": model.source,
        "digest": model.digest,
        "notes": list(model.notes),
        "device": str(model.device),
        "precision": str(plan.precision).removeprefix("torch."),
    }


def _data(plan: Plan) -> dict[str, Any]:
    samples = plan.samples
    return {
        "source": samples.source,
        "digest": samples.digest,
        "classes": None if samples.classes is None else list(samples.classes),
        "notes": list(samples.notes),
        "total": plan.total,
        "shape": list(samples.domain.shape),
        "step": samples.domain.step,
    }


def _curve(outcome: Outcome) -> dict[str, list[int]]:
    """How many samples were still unbroken after so many passes each, up to what the last survivor withstood."""
    ledger, broken = outcome.ledger, outcome.broken
    passes, breaks = ledger.found_after[broken].sort().values.unique_consecutive(return_counts=True)
    spent = int((ledger.forwards + ledger.backwards).masked_fill(broken, 0).max())
    correct = int(ledger.correct.sum())
    unbroken = [correct, *(correct - breaks.cumsum(0)).tolist()]
    return {
        "passes": [0, *passes.tolist(), max(spent, *passes.tolist(), 0)],
        "robust": [*unbroken, unbroken[-1]],
    }


def _records(plan: Plan, outcome: Outcome) -> pa.Table:
    ledger, samples, broken = outcome.ledger, plan.samples, outcome.broken.tolist()
    answer, risk, distance = (
        _at_rows(outcome, values)
        for values in (outcome.verified.prediction, outcome.verified.risk, outcome.verified.distance)
    )
    names = [plan.stages[number].name for number in ledger.stage.tolist()]
    return records_table(
        {
            "id": samples.ids,
            "index": samples.index.tolist(),
            "label": samples.labels.tolist(),
            "prediction": ledger.clean.argmax(1).tolist(),
            "status": _statuses(outcome),
            "attack": _where(broken, names),
            "adversarial_prediction": _where(broken, answer),
            "distance": _where(broken, distance),
            "margin": [value if value > -torch.inf else None for value in ledger.margin.tolist()],
            "forwards": ledger.forwards.tolist(),
            "backwards": ledger.backwards.tolist(),
            "queries": ledger.queries.tolist(),
            "found_after": _where(broken, ledger.found_after.tolist()),
            "verified": broken,
            "broken_8bit": [None] * len(samples) if outcome.on_grid is None else outcome.on_grid.tolist(),
            "risk": _where(broken, risk),
        }
    )


def _statuses(outcome: Outcome) -> list[str]:
    """A word for each sample."""
    left = "robust" if outcome.complete else "unfinished"
    return [
        "clean_error" if not correct else "broken" if broken else left
        for correct, broken in zip(outcome.ledger.correct.tolist(), outcome.broken.tolist(), strict=True)
    ]


def _attempts(plan: Plan, outcome: Outcome) -> pa.Table:
    names = ("id", "index", "stage", "attack", "aim", "start", "outcome", "margin", "distance")
    columns: dict[str, list[Any]] = {
        name: [] for name in (*names, "forwards", "backwards", "queries", "steps")
    }
    for attempt in outcome.attempts:
        rows, found, stage = attempt.rows.tolist(), attempt.found, plan.stages[attempt.stage]
        success, finished = found.success.tolist(), found.finished.tolist()
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
        columns["margin"] += [value if value > -torch.inf else None for value in found.margin.tolist()]
        columns["distance"] += _where(success, found.distance.tolist())
        for name, values in (
            ("forwards", found.forwards),
            ("backwards", found.backwards),
            ("queries", found.queries),
        ):
            columns[name] += values.tolist()
        columns["steps"] += found.asks.tolist()
    return attempts_table(columns)


def _tensors(plan: Plan, outcome: Outcome) -> dict[str, Tensor]:
    """Every verified example, and the originals of the closest ones."""
    rows = outcome.broken.nonzero().squeeze(1)
    distance = torch.tensor(_at_rows(outcome, outcome.verified.distance), dtype=torch.float64)[rows.cpu()]
    closest = rows[distance.argsort(stable=True)[:GALLERY].to(rows.device)]
    return {
        "index": plan.samples.index[rows.cpu()],
        "adversarial": outcome.ledger.adversarial[rows].float().cpu(),
        "gallery_index": plan.samples.index[closest.cpu()],
        "gallery_inputs": plan.samples.inputs[closest.cpu()],
        "gallery_adversarial": outcome.ledger.adversarial[closest].float().cpu(),
    }


def _at_rows(outcome: Outcome, values: Tensor) -> list[Any]:
    """`values` of the rows that were verified, in their places among all samples."""
    whole = torch.zeros(len(outcome.ledger.broken), dtype=values.dtype, device=values.device)
    whole[outcome.rows] = values
    return whole.tolist()


def _where(chosen: list[bool], values: list[Any]) -> list[Any]:
    return [value if yes else None for yes, value in zip(chosen, values, strict=True)]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
