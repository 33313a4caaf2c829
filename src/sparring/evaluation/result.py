"""An outcome written up as a run, and what `result.json` says of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sparring.evaluation.examples import pieces_of, tensors_of
from sparring.evaluation.figures.distances import distances_of
from sparring.evaluation.figures.right_answers import correct_answers, told
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan
from sparring.evaluation.risk import LEVEL, TOLD
from sparring.evaluation.search import query_budget
from sparring.evaluation.statistics import exact_interval
from sparring.evaluation.surrogates import surrogate_of
from sparring.evaluation.suspicion.findings import findings_of
from sparring.evaluation.tables import attempts_of, records_of
from sparring.storage import Run
from sparring.storage.envelope import versions
from sparring.threat import threat_text, threat_words

__all__ = ["run_of"]


def run_of(plan: Plan, outcome: Outcome) -> Run:
    """The run that `outcome` amounts to; nothing in it but `date` and `seconds` depends on when it ran."""
    return Run(
        _result(plan, outcome),
        records_of(plan, outcome),
        attempts_of(plan, outcome),
        tensors_of(plan, outcome),
        pieces_of(plan, outcome),
    )


def _result(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    ledger, count = outcome.ledger, len(plan.samples)
    robust, stopped = int(outcome.robust.sum()), outcome.interrupted
    right = correct_answers(plan, outcome)
    drawn = exact_interval(right, count) if not (plan.samples.ordered or plan.smallest) else None
    findings, plain = findings_of(plan, outcome), outcome.unadapted
    return {
        "schema_version": "1.0",
        "kind": "audit",
        **_verdict(stopped, findings),
        "samples": count,
        "clean_correct": int(ledger.correct.sum()),
        "robust": robust,
        "robust_accuracy": right / count,
        "robust_8bit": None if outcome.on_grid is None or plan.smallest else _robust_on_grid(outcome),
        "interval": None if drawn is None else {**asdict(drawn), "method": "Clopper-Pearson"},
        "interval_note": _interval_note(plan),
        "threat": _threat(plan),
        "suite": {
            "name": plan.suite,
            "queries": plan.queries,
            **_surrogate(plan),
            "stages": [_stage(stage) for stage in plan.stages],
        },
        "seed": plan.seed,
        "forwards": int(ledger.forwards.sum()) + plan.fit.forwards + (plain.forwards if plain else 0),
        "backwards": int(ledger.backwards.sum()) + plan.fit.backwards + (plain.backwards if plain else 0),
        "queries": int(ledger.queries.sum()),
        "seconds": round(outcome.seconds, 3),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "findings": findings,
        "versions": versions(),
        "model": _model(plan),
        "data": _data(plan),
        "command": None,
        "python": None,
        "curve": {"passes": [], "robust": []} if plan.smallest else _curve(outcome),
        **({"distances": asdict(distances_of(plan, outcome))} if plan.smallest else {}),
        **_risk(outcome),
        **query_budget.told(plan, outcome),
        "body": _body(plan, outcome),
    }


def _surrogate(plan: Plan) -> dict[str, Any]:
    """Who led the suite, if anybody did."""
    led = surrogate_of(plan)
    return (
        {} if led is None else {"surrogate": {"name": led.name, "source": led.source, "digest": led.digest}}
    )


def _body(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    body: dict[str, Any] = {"trial": asdict(plan.fit)} if plan.fit.tried else {}
    if plan.prepared is not None:
        body["execution"] = dict(plan.prepared.chosen)
    if (plain := outcome.unadapted) is not None:
        body["unadapted"] = asdict(plain) | {"robust_accuracy": plain.right / len(plan.samples)}
    return body | {"randomised": told(plan, outcome)} if plan.model.randomised else body


def _risk(outcome: Outcome) -> dict[str, Any]:
    """What a cheap suite may have missed."""
    if outcome.checked is None:
        return {}
    risk = outcome.risk
    bound = risk.share(1 - LEVEL)
    source = "measured" if bound <= TOLD else "transferred"
    return {"risk": {**asdict(risk), "bound": bound, "level": LEVEL, "source": source}}


def _verdict(stopped: bool, findings: list[dict[str, Any]]) -> dict[str, Any]:
    """The verdict without a gate, and why: an error among the findings makes the evaluation invalid."""
    if stopped:
        return {"verdict": "incomplete", "reasons": ["interrupted; what was found so far is kept"]}
    errors = [each["message"] for each in findings if each["severity"] == "error"]
    return {"verdict": "invalid" if errors else "measured", "reasons": errors}


def _robust_on_grid(outcome: Outcome) -> int:
    """Correct samples that whole grey levels do not break."""
    assert outcome.on_grid is not None
    return int((outcome.ledger.correct & ~outcome.on_grid & ~outcome.unanswered).sum())


def _interval_note(plan: Plan) -> str:
    if plan.samples.ordered:
        return (
            "No interval: these samples are all there are, or the first in a fixed order, not a random draw."
        )
    if plan.smallest:
        return "The band around the curve is about the draw of the samples alone."
    return (
        "The interval is about the draw of the samples alone; attacks find breaks, never that there are none."
    )


def _threat(plan: Plan) -> dict[str, Any]:
    eps = plan.threat.eps
    return {
        "text": threat_text(plan.threat),
        "norm": plan.threat.norm,
        "eps": eps if isinstance(eps, float) and not plan.smallest else None,
        "words": threat_words(plan.threat, plan.samples.domain),
    }


def _stage(stage: Any) -> dict[str, Any]:
    return {
        "name": stage.name,
        "attack": type(stage.attack).__name__,
        "aims": stage.aims,
        "restarts": stage.restarts,
        "steps": stage.attack.steps,
        "stand_in": None if stage.stand_in is None else stage.stand_in.__name__.replace("_", " "),
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
        "drawn": not samples.ordered,
        "shape": list(samples.domain.shape),
        "step": samples.domain.step,
        **({} if samples.domain.columns is None else {"columns": samples.domain.columns.lines}),
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
