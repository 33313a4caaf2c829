"""`sparring poison repair`: what remedies leave of a backdoor."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sparring.cli.ending import command, finish
from sparring.cli.groups import Reading, taking
from sparring.cli.options import DataSource, Limit
from sparring.cli.poison.options import (
    AsJson,
    Epochs,
    Factory,
    Seed,
    TestSource,
    TrustedSource,
    loaded,
    maker,
    recipe_of,
    share,
)

__all__ = ["repair"]


@taking(Reading)
def repair(
    context: typer.Context,
    data: DataSource = None,
    test: TestSource = None,
    trusted: TrustedSource = None,
    kind: Annotated[str, typer.Option(help="as for sparring poison run")] = "badnets",
    rate: Annotated[str, typer.Option(help="poisoned share of the training set, 1% or 0.01")] = "1%",
    target: Annotated[int, typer.Option(help="class that the backdoor shall answer", min=0)] = 0,
    remedy: Annotated[
        list[str] | None,
        typer.Option(help="relabel, remove, i-bau, fine-pruning, compress; default all that fit"),
    ] = None,
    factory: Factory = None,
    epochs: Epochs = 4,
    limit: Limit = None,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="folder for result.json and report.html")] = Path(
        "runs/poison-repair"
    ),
    as_json: AsJson = False,
) -> int:
    """Plant a poison, train a victim, and see what each remedy leaves of the backdoor and of clean accuracy.

    Without `--trusted`, 1% of the data is set aside as trusted samples.

        sparring poison repair --data train.npz --test test.npz --kind blended --rate 1%
    """
    from sparring.cli.progress import counting
    from sparring.poison import Settings, drawn, repair, set_aside
    from sparring.poison.documents import repair_body
    from sparring.poison.remedies.comparison import remedies_for
    from sparring.reports.rooms.poison_tables import poison_page, poison_summary
    from sparring.storage.envelope import envelope

    train = loaded(context.params, data, "training data: --data train.npz")
    train = train if limit is None else train.limit(limit)
    train, held = (
        set_aside(train, 0.2) if test is None else (train, loaded(context.params, test, "test data"))
    )
    train, known = set_aside(train, 0.01) if trusted is None else (train, loaded(context.params, trusted, ""))
    settings = Settings(make=maker(factory), recipe=recipe_of(epochs), seed=seed)
    began = time.monotonic()
    spec = drawn(kind, train, share(rate), target, seed, settings.make, settings.recipe)
    with counting() as tell:
        told = partial(tell, f"{kind} repaired")
        found = repair(train, held, known, spec, remedy or remedies_for(train), settings, told)
    document = envelope(
        "poison-repair", repair_body(kind, spec.rate, len(known), len(train), found), samples=len(train), seed=seed,
        seconds=time.monotonic() - began, command=command(),
    )  # fmt: skip
    finish(document, poison_page(document), poison_summary(document), out, as_json)
    return 0
