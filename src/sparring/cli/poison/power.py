"""`sparring poison power`: what a scan of these data would have missed."""

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
    Kinds,
    Rates,
    Seed,
    TrustedSource,
    loaded,
    maker,
    rates_of,
    recipe_of,
)

__all__ = ["power"]


@taking(Reading)
def power(
    context: typer.Context,
    data: DataSource = None,
    trusted: TrustedSource = None,
    kind: Kinds = None,
    rate: Rates = None,
    trials: Annotated[int, typer.Option(help="planted poisons per kind and rate", min=1)] = 20,
    level: Annotated[float, typer.Option(help="alarm rate on clean data")] = 0.05,
    factory: Factory = None,
    epochs: Epochs = 4,
    limit: Limit = None,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="folder for result.json and report.html")] = Path(
        "runs/poison-power"
    ),
    as_json: AsJson = False,
) -> int:
    """Plant known poisons in these very data and count how many `scan` finds, per kind and rate.

    Every trial has another trigger, another target and another choice of samples. The control plants nothing: what is
    found there was in the data before, or is a false alarm.

        sparring poison power --data new.npz --trusted old.npz --kind badnets --kind blended --rate 1%
    """
    from sparring.cli.progress import counting
    from sparring.poison import Settings, power
    from sparring.poison.documents import power_body
    from sparring.reports.rooms.poison_tables import poison_page, poison_summary
    from sparring.storage.envelope import envelope

    samples = loaded(context.params, data, "data to plant poison in: --data new.npz")
    samples = samples if limit is None else samples.limit(limit)
    known = loaded(context.params, trusted, "samples that are known to be clean: --trusted old.npz")
    settings = Settings(level=level, make=maker(factory), recipe=recipe_of(epochs), seed=seed)
    began = time.monotonic()
    with counting() as tell:
        told = partial(tell, "planting and scanning")
        found = power(
            samples, known, kind or ["badnets", "blended"], rates_of(rate, [0.005, 0.01, 0.05]), trials, settings,
            seed=seed, told=told,
        )  # fmt: skip
    document = envelope(
        "poison-power", power_body(found, settings.level, settings.find), samples=len(samples), seed=seed,
        seconds=time.monotonic() - began, command=command(),
    )  # fmt: skip
    finish(document, poison_page(document), poison_summary(document), out, as_json)
    return 0
