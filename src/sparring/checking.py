"""`sparring.check`: an audit as a test."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from sparring.api import audit
from sparring.attacks.suites import Stage
from sparring.data import load_data
from sparring.engine import Attack
from sparring.errors import CheckFailed, DataError, Interrupted, OtherRunError, UsageError
from sparring.evaluation.gates import Gates
from sparring.models import load_model
from sparring.reports import words, write_reports
from sparring.reports.ci.next_step import next_step
from sparring.session import Session, current
from sparring.storage import Run
from sparring.storage.baseline import Baseline
from sparring.threat import Threat

__all__ = ["check"]

ALLOWED = ("inconclusive",)


def check(
    model: Any,
    data: Any,
    threat: str | Threat,
    suite: str | Sequence[Stage | Attack] = "fast",
    *,
    min_robust_accuracy: float | None = None,
    min_class_accuracy: float | None = None,
    max_drop: float | None = None,
    baseline: Run | Baseline | str | Path | None = None,
    level: float = 0.95,
    eps: float | None = None,
    allow: str | Collection[str] = (),
    out: str | Path | None = None,
    **options: Any,
) -> Run:
    """Audit a model and hold it against gates; for tests.

    Under pytest, the plugin that comes with Sparring gives every check a run folder and searches again only what
    changed: `docs/ci.md`.

    Args:
        model: As in `audit`.
        data: As in `audit`.
        threat: As in `audit`.
        suite: As in `audit`; `smoke` may fail a model and never passes one.
        min_robust_accuracy: As in `gate`.
        min_class_accuracy: As in `gate`.
        max_drop: As in `gate`.
        baseline: As in `gate`.
        level: As in `gate`.
        eps: As in `gate`.
        allow: `"inconclusive"`, if a verdict that is neither pass nor fail shall not fail the test.
        out: Folder for the run. Finished shards in it are used again; a run of another plan in it is an error.
        options: `limit`, `sample`, `seed`, `queries`, `batch`, `precision`, `watch` of `audit`.

    Returns:
        The run, whose verdict is `pass`, or `inconclusive` where that is allowed.

    Raises:
        CheckFailed: The verdict is anything else; invalid and incomplete cannot be allowed.
        SparringError: Something asked for makes no sense; the message says what to do.
        KeyboardInterrupt: On Ctrl-C, so that a test runner stops too; what was found is kept in the folder.

    >>> import sparring
    >>> from sparring.demo import nets
    >>> run = sparring.check(nets.robust(), nets.images(20), "linf:0.1", sparring.suites.standard[:1],
    ...                      min_robust_accuracy=0.5)
    >>> run.verdict
    'pass'
    """
    __tracebackhide__ = True  # pytest shows the line of the test instead
    session = current.get()
    wanted = {allow} if isinstance(allow, str) else set(allow)
    if unknown := wanted.difference(ALLOWED):
        raise UsageError(f"only inconclusive may be allowed, not {', '.join(sorted(unknown))}")
    gates = Gates(min_robust_accuracy, min_class_accuracy, max_drop, level, eps)
    gates.check(baseline)
    if session.sample is not None:
        options = {name: value for name, value in options.items() if name != "limit"}
        options["sample"] = session.sample
    options |= {"suite": session.suite or suite, "gates": gates, "baseline": baseline}
    try:
        run = _audited(session, out, {"model": model, "data": data, "threat": threat, **options})
    except Interrupted as stop:
        raise KeyboardInterrupt(str(stop)) from None
    session.tell(run)
    if run.verdict != "pass" and run.verdict not in wanted.union(session.allow):
        raise CheckFailed(_told(run), run)
    return run


def _audited(session: Session, out: str | Path | None, asked: dict[str, Any]) -> Run:
    """The run, in the folder that the test names, or in one of the session, or in none."""
    if out is not None:
        return audit(**asked, out=out, resume=True)
    folder = next(session.folders, None)
    if folder is None:
        return audit(**asked)
    asked |= {"model": load_model(asked["model"]), "data": load_data(asked["data"])}
    if session.again:
        _clear(folder)
    try:
        run = audit(**asked, out=folder, resume=True)
    except (
        OtherRunError
    ):  # the test, the model or the data changed; the session's folder is for the newest run
        _clear(folder)
        run = audit(**asked, out=folder)
    if session.reports:
        write_reports(run, folder, ["junit", "sarif", "md"])
    return run


def _clear(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"{folder} cannot be cleared: {error.strerror or error}") from error


def _told(run: Run) -> str:
    """Verdict, why, counts, where the broken samples are, and what to do next."""
    result, step = run.result, next_step(run)
    robust = f"{run.result['robust']:,} of {words.noun(run, run.samples)} robust"
    broken = words.count_status(run, "broken")
    lines = [
        f"{run.verdict}: {result['model']['name']} under {result['threat']['text']}, suite {result['suite']['name']}",
        *map(str, result["reasons"]),
        f"{robust} ({words.percent(result['robust'], run.samples)}), {broken:,} broken. {words.interval(run)}",
    ]
    if run.folder is None:
        lines.append("nothing was kept: give check a folder with out=, or run it under pytest")
    else:
        lines.append(f"broken samples: {run.folder / 'adversarial.safetensors'}")
        lines.append(f"next: {step.why.lower()}: {step.command}")
    return "\n".join(lines)
