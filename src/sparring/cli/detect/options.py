"""Options that the commands below `sparring detect` share, and what all of them open first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sparring.data import Samples
    from sparring.detect import View
    from sparring.models import Model

__all__ = ["AsJson", "Batch", "DetectorFolder", "Level", "Seed", "opened_view"]

DetectorFolder = Annotated[Path, typer.Argument(help="folder that sparring detect fit wrote")]
AsJson = Annotated[bool, typer.Option("--json", help="print for machines")]
Batch = Annotated[int, typer.Option(help="most samples at once; a matter of memory", min=1)]
Seed = Annotated[int, typer.Option(help="of all draws")]
Level = Annotated[
    float | None,
    typer.Option(
        help="how sure the rate must hold for this very calibration, such as 0.95; without, it holds on average over "
        "calibrations"
    ),
]


def opened_view(options: dict[str, Any]) -> tuple[View, Model, Samples]:
    """The model as detectors see it, itself, and the chosen samples.

    Raises:
        UsageError: The model answers at random.
    """
    from torch import nn

    from sparring.api import chosen
    from sparring.cli.jobs import opened
    from sparring.detect import View
    from sparring.errors import UsageError
    from sparring.models import look
    from sparring.models.digest import digest_of

    model, whole = opened(options)
    samples = chosen(whole, options["limit"], options["sample"])
    model = look(model, samples.inputs, samples.labels)
    if model.randomised:
        raise UsageError(
            f"{model.name} answers at random, so that the same input has many scores; detectors are for models that "
            "answer the same twice"
        )
    # of what it computes with: one file of code can make several models
    if isinstance(model.function, nn.Module):
        model = model.having(digest=digest_of(model.function))
    return View(model, options["batch"]), model, samples
