"""Options that the commands below `sparring runs` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJson", "RunWord", "RunsFolder"]

RunWord = Annotated[str, typer.Argument(help="folder, name, or beginning of a folder's name")]
RunsFolder = Annotated[Path, typer.Option("--runs", help="folder with the run folders")]
AsJson = Annotated[bool, typer.Option("--json", help="print for machines")]
