"""`sparring runs export`: parts of a run as files of their own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sparring.cli.runs.options import RunWord

__all__ = ["export"]


def export(
    run: RunWord,
    baseline: Annotated[
        Path | None, typer.Option(help="write a small baseline.json, to be committed for --max-drop")
    ] = None,
    examples: Annotated[
        Path | None, typer.Option(help="write the adversarial examples into this new or empty folder")
    ] = None,
) -> int:
    """Write a baseline, or the adversarial examples as files to open, and print their paths.

    Images become PNG where an 8-bit image breaks the sample too, everything else `.npz` with the exact values. Beside
    each lies a `.json` that says what it is, where it comes from and which model it was made to test.

        sparring runs export runs/today --baseline baseline.json --examples examples/
    """
    from sparring.errors import UsageError
    from sparring.reports import export_examples
    from sparring.storage import load_run
    from sparring.storage.audit_log import note_aside
    from sparring.storage.baseline import export_baseline
    from sparring.storage.index import found_run

    if baseline is None and examples is None:
        raise UsageError("say what to export: --baseline FILE, --examples FOLDER, or both")
    found = load_run(found_run(run))
    paths = [] if examples is None else export_examples(found, examples)
    paths += [] if baseline is None else [export_baseline(found, baseline)]
    note_aside(
        found.folder, "exported", to=[str(path) for path in (baseline, examples) if path], count=len(paths)
    )
    for path in paths:
        sys.stdout.write(f"{path}\n")
    return 0
