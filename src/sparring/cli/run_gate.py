"""`sparring gate`: judge a run again, without searching."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sparring.cli.gate_options import (
    Allow,
    AtEps,
    BaselinePath,
    ExitZero,
    Level,
    MaxDrop,
    MinClassAccuracy,
    MinRobustAccuracy,
)
from sparring.cli.run_audit import finish
from sparring.cli.runs.options import RunWord

__all__ = ["gate"]


def gate(
    run: RunWord,
    min_robust_accuracy: MinRobustAccuracy = None,
    min_class_accuracy: MinClassAccuracy = None,
    max_drop: MaxDrop = None,
    baseline: BaselinePath = None,
    level: Level = 0.95,
    eps: AtEps = None,
    allow: Allow = None,
    exit_zero: ExitZero = False,
    save: Annotated[
        bool, typer.Option("--save/--no-save", help="keep the verdict in the run folder, its report included")
    ] = True,
    export_baseline: Annotated[
        Path | None, typer.Option(help="write the run as a baseline.json, to be committed; needs no gate")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print result.json instead of a summary")] = False,
) -> int:
    """Hold a run against gates; nothing is searched.

    Ends with 0 for a pass, 1 for a fail, 3 if these samples cannot tell, 4 or 5 if the run is invalid or incomplete.

        sparring gate runs/today --min-robust-accuracy 0.45 --baseline baseline.json --max-drop 0.02
    """
    import sparring
    from sparring.storage.baseline import export_baseline as export
    from sparring.storage.index import found_run
    from sparring.threat import parse_size

    folder = found_run(run)
    found = sparring.load_run(folder)
    if export_baseline is not None:
        export(found, export_baseline)
        if all(each is None for each in (min_robust_accuracy, min_class_accuracy, max_drop, baseline)):
            sys.stdout.write(f"{export_baseline}\n")
            return 0
    judged = sparring.gate(
        found, min_robust_accuracy=min_robust_accuracy, min_class_accuracy=min_class_accuracy, max_drop=max_drop,
        baseline=baseline, level=level, eps=None if eps is None else parse_size(eps),
    )  # fmt: skip
    if save:
        from sparring.reports import render_html, save_html
        from sparring.storage.verdict import save_verdict

        save_verdict(judged)
        save_html(render_html(judged), folder / "report.html")
    return finish(judged, as_json, allow, exit_zero)
