"""`sparring poison scan`: is anything planted in these data?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from glob import glob
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparring.cli.ending import command, finish
from sparring.cli.groups import Opening, Reading, taking
from sparring.cli.options import DataSource, Limit, ModelSource
from sparring.cli.poison.options import (
    AsJson,
    Epochs,
    Factory,
    Seed,
    TrustedSource,
    given_model,
    loaded,
    maker,
    recipe_of,
    share,
)

if TYPE_CHECKING:
    from sparring.data import Samples
    from sparring.models import Model
    from sparring.poison import Settings

__all__ = ["deliveries", "scan"]

CODES = {"fail": 1, "inconclusive": 3, "invalid": 4}
SEVERITY = (0, 3, 1, 4)


@taking(Opening, Reading)
def scan(
    context: typer.Context,
    data: DataSource = None,
    trusted: TrustedSource = None,
    model: ModelSource = None,
    level: Annotated[float, typer.Option(help="most often that clean data may raise the alarm")] = 0.05,
    find: Annotated[str, typer.Option(help="smallest poisoned share that must be findable")] = "1%",
    factory: Factory = None,
    epochs: Epochs = 4,
    limit: Limit = None,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="folder for result.json, scores.parquet, report.html")] = Path(
        "runs/poison-scan"
    ),
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="also junit.xml or report.sarif: junit, sarif")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Look for poison in a data set: suspicious samples, the class they aim at, the trigger.

    With trusted samples the alarm goes off for at most `--level` of clean data sets, exactly: exit code 1 for an
    alarm, 0 for none, 3 if there were too few trusted samples to find `--find`. Without, samples are only ranked. A
    `--model` must have been trained on data and trusted samples alike, or on neither; without, a small one is trained.

    Data larger than memory: files by a pattern, scanned one after the other. They share the alarm rate out.

        sparring poison scan --data new.npz --trusted old.npz
        sparring poison scan --data 'shards/*.npz' --trusted old.npz
    """
    from sparring.poison import Settings

    wanted = _checked(formats or [])
    files = deliveries(data)
    known = None if trusted is None else loaded(context.params, trusted, "")
    each = level / len(files)
    settings = Settings(
        level=each, find=share(find), make=maker(factory), recipe=recipe_of(epochs), seed=seed,
        relabellings=max(999, ceil(20 / each)) if level > 0 else 999,
    )  # fmt: skip
    codes = []
    for file in files:
        samples = loaded(context.params, file, "data to scan: --data new.npz")
        samples = samples if limit is None else samples.limit(limit)
        given = None if model is None else given_model(context.params, samples)
        place = out if len(files) == 1 else out / Path(str(file)).stem
        codes.append(_scanned(samples, known, settings, given, place, wanted, as_json))
    return max(codes, key=SEVERITY.index)


def deliveries(source: str | None) -> list[str | None]:
    """The files that a pattern names, in the order of their names; anything else is one source.

    Raises:
        UsageError: A pattern names no file.
    """
    from sparring.errors import UsageError

    if source is None or "*" not in source:
        return [source]
    files = sorted(glob(source))
    if not files:
        raise UsageError(f'no file is named by the pattern "{source}"')
    return list(files)


def _scanned(
    samples: Samples,
    known: Samples | None,
    settings: Settings,
    given: Model | None,
    out: Path,
    formats: Sequence[str],
    as_json: bool,
) -> int:
    """Scan one source and write its folder; the exit code of its verdict."""
    from sparring.cli.progress import counting
    from sparring.poison import scan
    from sparring.poison.documents import scan_body, scores_table
    from sparring.poison.reconstruction import suspected_trigger
    from sparring.reports.rooms.poison_formats import write_scan
    from sparring.reports.rooms.poison_scan import scan_page, scan_summary
    from sparring.storage.envelope import envelope
    from sparring.storage.tables import write

    began = time.monotonic()
    with counting() as tell:
        told = partial(tell, "learning from the data")
        found = scan(samples, known, settings, model=given, progress=lambda now: told(now.step, now.steps))
    trigger = suspected_trigger(found)
    document = envelope(
        "poison-scan", scan_body(found, settings.level, trigger), samples=len(samples), seed=settings.seed,
        seconds=time.monotonic() - began, verdict=found.verdict, reasons=found.reasons, command=command(),
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    write(scores_table(found, samples), out / "scores.parquet")
    page, summary = scan_page(document, found, samples, trigger), scan_summary(document, samples)
    finish(document, page, summary, out, as_json)
    write_scan(document, formats, out)
    return CODES.get(found.verdict, 0)


def _checked(formats: Sequence[str]) -> Sequence[str]:
    """Formats that are known, before anything is spent."""
    from sparring.errors import UsageError, nearest
    from sparring.reports.rooms.poison_formats import FORMATS

    for name in formats:
        if name not in FORMATS:
            raise UsageError(f'a scan cannot be written as "{name}"; {nearest(name, FORMATS)}')
    return formats
