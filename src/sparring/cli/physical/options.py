"""Options that the commands below `sparring physical` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sparring.cli.jobs import Job, subject_of

__all__ = ["AsJson", "Page", "PrintFolder", "ScenarioName", "Seed", "pictured"]

PrintFolder = Annotated[Path, typer.Argument(help="folder that `sparring physical patch` wrote")]
ScenarioName = Annotated[
    str, typer.Option(help="scanner, phone-indoors, street-camera, or a TOML file with a unit on every range")
]
AsJson = Annotated[bool, typer.Option("--json", help="print for machines")]
Page = Annotated[str, typer.Option(help="a5, a4, a3, a2, a1 or letter")]
Seed = Annotated[int, typer.Option(help="of all draws")]


def pictured(context: typer.Context) -> Job:
    """The model and the pictures that a command looks at.

    Raises:
        UsageError: One of them is missing.
    """
    from sparring.errors import UsageError

    job = subject_of(context)
    if job["model"] is None or job["data"] is None:
        raise UsageError(
            f"this needs a model and pictures: sparring physical {context.info_name} --model net.pt2 --data signs.npz"
        )
    return job
