"""`sparring physical score`: what the model says of photos and scans of a run's sheets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparring.cli.groups import Opening, taking
from sparring.cli.jobs import loaded_model
from sparring.cli.options import ModelSource
from sparring.cli.physical.options import AsJson, PrintFolder

if TYPE_CHECKING:
    from sparring.models import Model
    from sparring.physical import PrintRun

__all__ = ["score"]

UNUSED = 2


@taking(Opening)
def score(
    context: typer.Context,
    run: PrintFolder,
    photos: Annotated[list[Path], typer.Argument(help="photos or scans, each of one whole sheet")],
    model: ModelSource = None,
    as_json: AsJson = False,
) -> int:
    """Find the sheets in photos, cut the pictures out, ask the model, and count.

    The run's own model is asked unless another is given. Every photo that cannot be used is named with the reason, and
    then the exit code is 2; the others count all the same. Writes the run's report anew.
    """
    from sparring.cli.physical.finish import finish_print_run
    from sparring.cli.progress import counting
    from sparring.physical import load_print_run, score_photos

    found = load_print_run(run)
    asked = _own_model(found) if model is None else loaded_model(context.params)
    with counting() as tell:
        scores = score_photos(found, photos, asked, lambda done: tell("reading photos", done, len(photos)))
    finish_print_run(scores.run, run, as_json)
    for sentence in scores.refused:
        sys.stderr.write(f"sparring: {sentence}\n")
    return UNUSED if scores.refused else 0


def _own_model(run: PrintRun) -> Model:
    """The model that the run was made for, loaded as it was then, and the same to the last bit.

    Raises:
        UsageError: It came from memory, or has changed.
    """
    import sparring
    from sparring.errors import UsageError

    told: dict[str, Any] = dict(run.facts["model"])
    recipe = told["recipe"]
    if not recipe:
        raise UsageError("this run was made in Python for a model in memory; name one with --model")
    model = sparring.load_model(recipe.pop("source"), **recipe)
    if model.digest != told["digest"]:
        raise UsageError(
            f"{told['source']} is not the model any more that this run was made for; to score with it all the same, "
            "name it with --model"
        )
    return model
