"""Options that the commands below `sparring physical` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJson", "Page", "PrintFolder", "ScenarioName", "Seed"]

PrintFolder = Annotated[Path, typer.Argument(help="folder that `sparring physical patch` wrote")]
ScenarioName = Annotated[
    str, typer.Option(help="scanner, phone-indoors, street-camera, or a TOML file with a unit on every range")
]
AsJson = Annotated[bool, typer.Option("--json", help="print for machines")]
Page = Annotated[str, typer.Option(help="a5, a4, a3, a2, a1 or letter")]
Seed = Annotated[int, typer.Option(help="of all draws")]
