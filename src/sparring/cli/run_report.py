"""`sparring report`: a run that is there already, in the formats that other tools read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sparring.cli.runs.options import RunWord

__all__ = ["report"]


def report(
    run: RunWord,
    formats: Annotated[
        str, typer.Option("--format", help="any of html, junit, sarif, md, with commas between them")
    ] = "html,junit,sarif,md",
    out: Annotated[Path | None, typer.Option(help="folder for the files; default the run folder")] = None,
    config: Annotated[
        Path | None, typer.Option(help="sparring.toml with the gates, for the lines that SARIF points at")
    ] = None,
    mlflow: Annotated[
        bool, typer.Option("--mlflow", help="log the run to MLflow too, at its MLFLOW_TRACKING_URI")
    ] = False,
) -> int:
    """Write a run down as report.html, junit.xml, report.sarif and summary.md, and print their paths.

    Ends with 0 whatever the verdict: it reports, it does not judge.

        sparring report runs/today --format md && cat runs/today/summary.md >> "$GITHUB_STEP_SUMMARY"
    """
    from sparring.reports import log_to_mlflow, write_reports
    from sparring.storage import load_run
    from sparring.storage.audit_log import note_aside
    from sparring.storage.index import found_run

    folder = found_run(run)
    found = load_run(folder)
    names = [name.strip() for name in formats.split(",") if name.strip()]
    paths = write_reports(found, out or folder, names, config)
    note_aside(folder, "reports written", to=[str(path) for path in paths])
    for path in paths:
        sys.stdout.write(f"{path}\n")
    if mlflow:
        sys.stdout.write(f"MLflow run {log_to_mlflow(found)}\n")
    return 0
