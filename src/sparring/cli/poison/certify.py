"""`sparring poison certify`: answers that so many poisoned samples cannot change."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sparring.cli.ending import command, finish
from sparring.cli.groups import Reading, taking
from sparring.cli.options import DataSource, Limit
from sparring.cli.poison.options import AsJson, TestSource, loaded

__all__ = ["certify"]


@taking(Reading)
def certify(
    context: typer.Context,
    data: DataSource = None,
    test: TestSource = None,
    parts: Annotated[
        int, typer.Option(help="shares of the data that are as large as what a base model learns from", min=2)
    ] = 250,
    spread: Annotated[
        int,
        typer.Option(
            help="base models that learn from each part; above 1 there are so many times more", min=1
        ),
    ] = 1,
    election: Annotated[str, typer.Option(help="run-off, or plurality")] = "run-off",
    limit: Limit = None,
    out: Annotated[Path, typer.Option(help="folder for result.json and report.html")] = Path(
        "runs/poison-certify"
    ),
    as_json: AsJson = False,
) -> int:
    """Train many small models on disjoint parts, and count answers that no few poisoned samples can change.

    A part is chosen by a sample's own content, so a sample that is added or taken away changes one model. With
    `--spread 4`, four times as many models learn from four smaller parts each. The base models are ridge regressions,
    which suit a few dozen samples.

        sparring poison certify --data train.npz --test test.npz --parts 1200 --spread 4
    """
    from sparring.cli.progress import counting
    from sparring.errors import UsageError, nearest
    from sparring.poison import set_aside
    from sparring.poison.certified import certify, plurality, run_off
    from sparring.poison.documents import certified_body
    from sparring.reports.rooms.poison_tables import poison_page, poison_summary
    from sparring.storage.envelope import envelope

    elections = {"plurality": plurality, "run-off": run_off}
    if election not in elections:
        raise UsageError(f'there is no election "{election}"; {nearest(election, elections)}')
    train = loaded(context.params, data, "training data: --data train.npz")
    train = train if limit is None else train.limit(limit)
    train, held = (
        set_aside(train, 0.2) if test is None else (train, loaded(context.params, test, "test data"))
    )
    began = time.monotonic()
    with counting() as tell:
        told = partial(tell, "base models")
        found = certify(train, held, parts, elections[election], spread, told=told)
    document = envelope(
        "poison-certify", certified_body(found, held.labels, parts, spread, election), samples=len(train), seed=0,
        seconds=time.monotonic() - began, command=command(),
    )  # fmt: skip
    finish(document, poison_page(document), poison_summary(document), out, as_json)
    return 0
