"""Carrying out a plan to its end: searched, judged, written down, also where it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from sparring.errors import DataError, Interrupted
from sparring.evaluation import Crew, Plan, Shelf, Standing
from sparring.evaluation import audit as run_audit
from sparring.evaluation.gates import Gates, judge, judged_run
from sparring.evaluation.search.logged import note_end
from sparring.models.remote.target import refused
from sparring.reports import render_html
from sparring.storage import Run, load_run, replacing, save_run
from sparring.storage.baseline import Baseline
from sparring.storage.tables import UNSETTLED

__all__ = ["Words", "carried_out", "scratch", "write_run"]

Words = dict[str, Any]
"""What a result says besides what was found."""


def write_run(run: Run, folder: str | Path) -> Run:
    """Write the run folder, its report included."""
    saved = save_run(run, folder)
    with replacing(Path(folder) / "report.html") as path:
        path.write_text(render_html(saved), encoding="utf-8")
    return saved


@contextmanager
def scratch() -> Iterator[Shelf]:
    """A shelf for a run that has no folder.

    Raises:
        DataError: There is no folder for temporary files.
    """
    try:
        temporary = TemporaryDirectory(prefix="sparring-")
    except OSError as error:
        raise DataError(
            f"no temporary folder can be made ({error.strerror or error}); give out, a folder"
        ) from error
    with temporary as folder:
        yield Shelf(Path(folder) / "shards", lasting=False)


def carried_out(
    plan: Plan,
    watch: Callable[[Standing], None],
    shelf: Shelf,
    crew: Crew | None,
    words: Words,
    out: Path | None,
    held: tuple[Gates, Baseline | None] | None,
) -> Run:
    """The run, finished; also where it was stopped, by the user or because an engagement allowed no more."""
    try:
        return _finished(run_audit(plan, shelf, watch, crew), plan, words, out, held)
    except Interrupted as stop:
        over = refused(plan.model)
        words = words if over is None else words | {"reasons": [over]}
        found = cast(Run, stop.findings)
        run = _richer(out, found) or _finished(found, plan, words, out, held)
        if over is not None:
            return run
        raise Interrupted(str(stop), findings=run) from None
    finally:
        shelf.cut_short.clear()


def _richer(out: Path | None, run: Run) -> Run | None:
    """What an earlier try left in the folder, if it got further: it is not written over by less."""
    try:
        earlier = None if out is None else load_run(out)
    except DataError:
        return None
    return earlier if earlier is not None and _left(earlier) < _left(run) else None


def _left(run: Run) -> int:
    return sum(status in UNSETTLED for status in run.records["status"].to_pylist())


def _finished(
    run: Run, plan: Plan, words: Words, out: Path | None, held: tuple[Gates, Baseline | None] | None
) -> Run:
    """The run, judged and with the words that repeat it, written down if there is a place for it."""
    run = replace(run, result={**run.result, **words})
    run = run if held is None else judged_run(run, judge(run, *held))
    if out is None:
        return run.whole()  # its examples are on a shelf that goes with the audit
    saved = write_run(run, out)
    note_end(out, saved, plan.model)
    return saved
