"""`sparring runs diff`: which samples flipped between two runs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparring.cli.options import StoreUrl
from sparring.cli.runs.options import AsJson, RunsFolder, RunWord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sparring.evaluation.flips import Difference

__all__ = ["diff"]


def diff(
    before: RunWord,
    after: RunWord,
    most: Annotated[int, typer.Option(help="flipped samples to list", min=0)] = 20,
    runs: RunsFolder = Path("runs"),
    store: StoreUrl = None,
    as_json: AsJson = False,
) -> int:
    """Hold two runs against each other, sample by sample, by id and label.

    Nothing is judged: `sparring gate AFTER --baseline BEFORE --max-drop 0.02` does that.
    """
    from rich.console import Console
    from rich.text import Text

    from sparring.evaluation.flips import difference_of
    from sparring.storage import load_run
    from sparring.storage.index import found_run

    found = difference_of(*(load_run(found_run(word, runs, store)) for word in (before, after)))
    if as_json:
        sys.stdout.write(json.dumps(_entry(found), indent=2, ensure_ascii=False) + "\n")
        return 0
    for line in _lines(found, most):
        Console().print(Text(line, overflow="fold"))
    return 0


def _entry(found: Difference) -> dict[str, Any]:
    """The whole difference as JSON takes it."""
    counts = [
        {"before": was, "after": now, "pairs": count} for (was, now), count in sorted(found.counts.items())
    ]
    return asdict(found) | {"change": found.change, "counts": counts}


def _lines(found: Difference, most: int) -> Iterator[str]:
    from sparring.reports.words import percent

    before, after = (percent(count, found.pairs) for count in (found.robust_before, found.robust_after))
    yield f"robust {before} → {after} of {found.pairs:,} pairs ({100 * found.change:+.1f} points)"
    if found.interval is not None:
        low, high = (100 * bound for bound in (found.interval.low, found.interval.high))
        yield f"change between {low:+.1f} and {high:+.1f} points, each bound at {found.interval.level:.0%}"
    for (was, now), count in sorted(found.counts.items()):
        if was != now:
            yield f"{count:,} {was} → {now}"
    yield from (f"note: {note}" for note in found.notes)
    if found.only_before or found.only_after:
        yield f"note: {found.only_before:,} samples only in the first run, {found.only_after:,} only in the second"
    for flip in found.flips[:most]:
        yield f"  number {flip.index}, label {flip.label}: {flip.before} → {flip.after}  {flip.id[:12]}"
    if len(found.flips) > most:
        yield f"  and {len(found.flips) - most:,} more; --json has all"
