"""`sparring physical calibrate`: a printer from one photo of the chart."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparring.cli.physical.options import AsJson, Page, ScenarioName

if TYPE_CHECKING:
    from sparring.physical import Calibration

__all__ = ["calibrate"]


def calibrate(
    photo: Annotated[Path, typer.Argument(help="photo or scan of the printed chart")],
    scenario: ScenarioName = "scanner",
    page: Page = "a4",
    out: Annotated[Path, typer.Option(help="scenario with this printer; its palette goes beside it")] = Path(
        "printer.toml"
    ),
    as_json: AsJson = False,
) -> int:
    """Measure tone curve, gamut and palette, and write a scenario with this printer, and its palette.

    Use them with `sparring physical patch --scenario printer.toml --palette printer.palette.json`.
    """
    from sparring.physical import calibrate_printer, load_scenario
    from sparring.physical.paper.photos import open_photo
    from sparring.physical.paper.scenario_text import calibrated, scenario_text
    from sparring.storage import replacing

    place = load_scenario(scenario)
    found = calibrate_printer(open_photo(photo), page)
    told = _told(found)
    palette = out.with_suffix(".palette.json")
    for path, text in (
        (out, scenario_text(calibrated(place, found, out.stem))),
        (palette, json.dumps({"colours": told.pop("palette")}) + "\n"),
    ):
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if as_json:
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return 0
    figures = (
        f"black {found.black:.1%} of paper, dot gain {found.dot_gain:.1%}, saturation {found.saturation:.0%}"
    )
    sys.stdout.write("\n".join((figures, str(out), str(palette), "")))
    return 0


def _told(found: Calibration) -> dict[str, object]:
    """What was measured, for machines."""
    return {
        "black": round(found.black, 4),
        "dot_gain": round(found.dot_gain, 4),
        "saturation": round(found.saturation, 4),
        "tones": found.tones.round(4).tolist(),
        "palette": found.palette.round(4).tolist(),
    }
