"""What an audit writes into the log of its run folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sparring.errors import DataError, Interrupted
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan
from sparring.evaluation.search.shelf import GO_ON
from sparring.models import Model
from sparring.models.remote.target import remote_behind
from sparring.storage import Run
from sparring.storage.audit_log import has_log, note
from sparring.threat import threat_text

__all__ = ["logged", "note_end", "note_shard"]


@contextmanager
def logged(folder: Path, plan: Plan, digest: str) -> Iterator[None]:
    """Write down that an audit begins or goes on, and why it ended if it did not end well."""
    note(folder, "resumed" if has_log(folder) else "begun", **_who_and_what(plan), plan=digest)
    try:
        yield
    except (Interrupted, KeyboardInterrupt):
        _note_failure(folder, "interrupted", **_sent(plan.model))
        raise
    except Exception as error:
        _note_failure(folder, "failed", error=type(error).__name__, reason=str(error), **_sent(plan.model))
        raise


def note_shard(folder: Path, digest: str, plan: Plan, outcome: Outcome) -> None:
    """Write down that a shard is finished, if the run has a log."""
    if not has_log(folder):
        return
    ledger = outcome.ledger
    costs = {name: int(getattr(ledger, name).sum()) for name in ("forwards", "backwards", "queries")}
    counts = {"samples": len(ledger.correct), "broken": int(outcome.broken.sum())}
    try:
        note(folder, "shard finished", shard=digest[:32], **counts, **costs, **_sent(plan.model))
    except DataError as error:
        raise DataError(f"{error}{GO_ON}") from error


def note_end(folder: Path, run: Run, model: Model) -> None:
    """Write down what came of an audit whose run is written."""
    gates = [
        {name: gate[name] for name in ("name", "demand", "verdict")} for gate in run.result.get("gates") or []
    ]
    facts = {"verdict": run.verdict, "reasons": run.result["reasons"], "gates": gates}
    note(folder, "written", **facts, **_sent(model))


def _note_failure(folder: Path, event: str, **facts: Any) -> None:
    """Where the log cannot be written either, what failed first is what is told."""
    with suppress(DataError):
        note(folder, event, **facts)


def _who_and_what(plan: Plan) -> dict[str, Any]:
    model, samples = plan.model, plan.samples
    remote = remote_behind(model)
    engagement = None if remote is None else remote.permit.engagement
    return {
        "engagement": None if engagement is None else engagement.entry,
        "model": {"name": model.name, "source": model.source, "digest": model.digest},
        "data": {"source": samples.source, "digest": samples.digest, "samples": len(samples)},
        "threat": threat_text(plan.threat),
        "suite": plan.suite,
        "seed": plan.seed,
        "sparring": version("sparring"),
    }


def _sent(model: Model) -> dict[str, int]:
    """Rows that this process has sent to a model behind an address, and requests that it sent again."""
    remote = remote_behind(model)
    return {} if remote is None else {"sent": remote.sent, "sent_again": remote.retries}
