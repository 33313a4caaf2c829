"""`sparring poison inspect`: is there a backdoor in this model?"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sparring.cli.ending import command, finish
from sparring.cli.groups import Opening, Reading, taking
from sparring.cli.jobs import subject_of
from sparring.cli.options import ConfigPath, DataSource, Limit, ModelSource
from sparring.cli.poison.options import AsJson, Epochs, Factory, Seed, given_model, loaded, maker, recipe_of

__all__ = ["inspect"]


@taking(Opening, Reading)
def inspect(
    context: typer.Context,
    model: ModelSource = None,
    data: DataSource = None,
    references: Annotated[
        int, typer.Option(help="clean models trained on --data to compare with; 0: rank classes only", min=0)
    ] = 19,
    level: Annotated[float, typer.Option(help="most often that clean models may raise the alarm")] = 0.05,
    factory: Factory = None,
    epochs: Epochs = 4,
    limit: Limit = None,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="folder for result.json and report.html")] = Path(
        "runs/poison-inspect"
    ),
    config: ConfigPath = Path("sparring.toml"),
    as_json: AsJson = False,
) -> int:
    """Look for a backdoor in a model, without the data that it learned from: its target class, and a trigger.

    `--data` are clean samples of the same kind. On them, clean models are trained as `--factory` and `--epochs` say,
    and each class is compared with itself there. The alarm keeps its rate if the model was made like these; exit code 1
    for an alarm, 0 for none.

        sparring poison inspect --model net.py:make --weights net.pth --data clean.npz --factory net.py:make
    """
    from sparring.cli.progress import counting
    from sparring.errors import UsageError
    from sparring.poison import inspect
    from sparring.poison.documents import inspection_body
    from sparring.poison.inspection.inspecting import check_references
    from sparring.poison.making.victim import trained
    from sparring.reports.rooms.poison_model import model_page, model_summary
    from sparring.storage.envelope import envelope

    job = subject_of(context)
    if job["model"] is None:
        raise UsageError("this needs a model to look into: --model net.pt2")
    if not 0 < level < 1:
        raise UsageError(f"an alarm rate lies between 0 and 1, 0.05 say; got {level:g}")
    check_references(references, level)
    samples = loaded(job, job["data"], "clean samples of the kind that the model knows: --data clean.npz")
    samples = samples if limit is None else samples.limit(limit)
    given = given_model(job, samples)
    began, make, recipe = time.monotonic(), maker(factory), recipe_of(epochs)
    with counting() as tell:
        clean = []
        for turn in range(references):
            clean.append(trained(samples, make, recipe, seed + turn))
            tell("clean models", turn + 1, references)
        found = inspect(
            given, samples, clean, level=level, seed=seed, told=partial(tell, "looking into models")
        )
    document = envelope(
        "poison-inspect", inspection_body(found, level, references), samples=len(samples), seed=seed,
        seconds=time.monotonic() - began, verdict=found.verdict, reasons=found.reasons, command=command(),
    )  # fmt: skip
    finish(document, model_page(document, found, samples), model_summary(document), out, as_json)
    return int(found.verdict == "fail")
