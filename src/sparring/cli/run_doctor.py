"""`sparring doctor`: look at model, data and gate before anything is spent."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparring.cli.engaged import tell_engagement
from sparring.cli.gate_options import Level, MinRobustAccuracy, gates_of
from sparring.cli.groups import Address, Opening, Reading, taking
from sparring.cli.jobs import Job, given_options, jobs_of, opened
from sparring.cli.options import (
    ConfigPath,
    DataSource,
    Limit,
    ModelSource,
    QueryCount,
    SampleCount,
    SuiteName,
    ThreatText,
)

if TYPE_CHECKING:
    from rich.table import Table

    from sparring.evaluation.doctor import Check

__all__ = ["doctor", "table_of"]

STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "bold red"}
UNSOUND = 2


@taking(Opening, Reading, Address)
def doctor(
    context: typer.Context,
    model: ModelSource = None,
    data: DataSource = None,
    threat: ThreatText = None,
    suite: SuiteName = "fast",
    queries: QueryCount = None,
    limit: Limit = None,
    sample: SampleCount = None,
    min_robust_accuracy: MinRobustAccuracy = None,
    level: Level = 0.95,
    config: ConfigPath = Path("sparring.toml"),
    most: Annotated[int, typer.Option(help="samples to look at", min=1)] = 200,
    fix: Annotated[bool, typer.Option("--fix", help="write what was found into sparring.toml")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the checks for machines")] = False,
) -> int:
    """Find what would make an audit worthless, before it is run: seconds, on a few hundred samples.

    Looks at input range, normalisation, clean accuracy, the order of classes and channels, outputs, gradients, noise,
    company in the batch, 8-bit grid, cost, and the chance that the gate decides. What no option says is read from
    `sparring.toml`. Ends with 0, or with 2 if there is an error to repair.

        sparring doctor --model net.pt2 --data test.npz --threat linf:8/255
    """
    from rich.console import Console

    if fix:
        _refuse_to_fix(given_options(context))
    checks = _checks(jobs_of(context))
    if fix and _write(config, _merged(checks)):
        checks = _checks(jobs_of(context))
    if as_json:
        sys.stdout.write(json.dumps([check.entry for check in checks], indent=2, ensure_ascii=False) + "\n")
    else:
        Console().print(table_of(checks))
    return UNSOUND if any(check.status == "error" for check in checks) else 0


def table_of(checks: Sequence[Check]) -> Table:
    """The checks for people: what was seen, and under it what to do."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in ("check", "", "seen", "samples"):
        table.add_column(column, overflow="fold", justify="right" if column == "samples" else "left")
    for check in checks:
        seen = Text(check.seen)
        if check.fix:
            seen.append(f"\n→ {check.fix}", style="italic")
        style = STYLES[check.status]
        table.add_row(Text(check.name), Text(check.status, style=style), seen, f"{check.samples:,}")
    return table


def _checks(jobs: Sequence[Job]) -> list[Check]:
    """What is true of model and data, and what of each audit."""
    from dataclasses import replace

    from sparring.api import chosen
    from sparring.evaluation.doctor import examine, foresee
    from sparring.threat import parse_threat

    model, whole = opened(jobs[0])
    tell_engagement(model)
    found = examine(model, chosen(whole, jobs[0]["limit"], jobs[0]["sample"]), jobs[0]["most"])
    for job in jobs:
        samples, gates = chosen(whole, job["limit"], job["sample"]), gates_of(GATELESS | job)
        if gates.demands:
            gates.check(job.get("baseline"))
        checks = foresee(
            model,
            samples,
            parse_threat(job["threat"]),
            job["suite"],
            gates,
            len(whole),
            job["most"],
            job["queries"],
        )
        about = f" of {job['threat']}, {job['suite']}" if len(jobs) > 1 else ""
        found += [replace(check, name=f"{check.name}{about}") for check in checks]
    return found


GATELESS = {"min_class_accuracy": None, "max_drop": None, "eps": None}


def _merged(checks: Sequence[Check]) -> dict[str, dict[str, object]]:
    """Everything that the checks would write, by table."""
    merged: dict[str, dict[str, object]] = {}
    for check in checks:
        for table, settings in check.settings.items():
            merged.setdefault(table, {}).update(settings)
    return merged


def _write(config: Path, settings: dict[str, dict[str, object]]) -> bool:
    """Change the file; says whether anything in it changed. A normalisation that is there is never replaced."""
    from sparring.config import load_config, with_settings
    from sparring.config.load import read_text
    from sparring.storage.files import replacing

    text = before = read_text(config)
    for table, changes in settings.items():
        known = vars(getattr(load_config(config), table))
        wanted = {
            key: value
            for key, value in changes.items()
            if value is None or key == "outputs" or known[key] is None
        }
        text = with_settings(text, table, wanted)
    if text == before:
        return False
    with replacing(config) as path:
        path.write_text(text, encoding="utf-8")
    sys.stderr.write(
        f"changed {', '.join(key for changes in settings.values() for key in changes)} in {config}\n"
    )
    return True


def _refuse_to_fix(given: Job) -> None:
    """A file must not get the settings of a model that it does not name."""
    from sparring.errors import UsageError

    if named := {"model", "data", "mean", "std", "outputs"} & given.keys():
        options = " and --".join(sorted(named))
        raise UsageError(
            f"--fix changes sparring.toml for the model and data that it names; leave out --{options}"
        )
