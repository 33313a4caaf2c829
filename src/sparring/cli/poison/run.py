"""`sparring poison run`: how much a poison does to a victim."""

from __future__ import annotations

import time
from collections.abc import Callable
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
    TestSource,
    loaded,
    maker,
    rates_of,
    recipe_of,
)

__all__ = ["run"]


@taking(Reading)
def run(
    context: typer.Context,
    data: DataSource = None,
    test: TestSource = None,
    kind: Kinds = None,
    rate: Rates = None,
    target: Annotated[int, typer.Option(help="class that the backdoor shall answer", min=0)] = 0,
    seeds: Annotated[int, typer.Option(help="victims per rate, each beside a control", min=1)] = 3,
    factory: Factory = None,
    epochs: Epochs = 4,
    limit: Limit = None,
    seed: Seed = 0,
    save: Annotated[
        Path | None, typer.Option(help="also write the poisoned data (.npz) with the sidecar that undoes it")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder for result.json and report.html")] = Path(
        "runs/poison-run"
    ),
    as_json: AsJson = False,
) -> int:
    """Poison training data, train victims on it, and see how often the backdoor opens.

    Success counts test samples with the trigger whose true class is not the target. A control, trained on the same data
    without the poison, stands beside every victim.

        sparring poison run --data train.npz --test test.npz --kind badnets --rate 0.5% --rate 1%
    """
    from sparring.cli.progress import counting
    from sparring.errors import UsageError
    from sparring.poison import drawn, plant, rehearse, set_aside, write_poisoned
    from sparring.poison.documents import rehearsal_body
    from sparring.reports.rooms.poison_tables import poison_page, poison_summary
    from sparring.storage.envelope import envelope

    train = loaded(context.params, data, "training data: --data train.npz")
    train = train if limit is None else train.limit(limit)
    kinds, rates = kind or ["badnets"], rates_of(rate, [0.01])
    if len(kinds) > 1 or (save is not None and len(rates) > 1):
        raise UsageError("give one --kind at a time, and with --save one --rate")
    train, held = (
        set_aside(train, 0.2) if test is None else (train, loaded(context.params, test, "test data"))
    )
    make, recipe = maker(factory), recipe_of(epochs)
    began, notes, trials = time.monotonic(), [], []
    with counting() as tell:
        told = partial(tell, kinds[0])
        for turn, each in enumerate(rates):
            spec = drawn(kinds[0], train, each, target, seed, make, recipe)
            before = 2 * seeds * turn
            tried, note = rehearse(
                train, held, spec, make=make, recipe=recipe, seeds=range(seed, seed + seeds),
                told=partial(_shifted, told, before, 2 * seeds * len(rates)),
            )  # fmt: skip
            trials.append(tried)
            notes.append(note)
    if save is not None:
        write_poisoned(*plant(train, spec), save)
    document = envelope(
        "poison-run", rehearsal_body(kinds[0], notes, trials), samples=len(train), seed=seed,
        seconds=time.monotonic() - began, command=command(),
    )  # fmt: skip
    finish(document, poison_page(document), poison_summary(document), out, as_json)
    return 0


def _shifted(told: Callable[[int, int], None], before: int, whole: int, done: int, total: int) -> None:
    """Tell how many are done, counting those of earlier rates."""
    told(before + done, whole)
