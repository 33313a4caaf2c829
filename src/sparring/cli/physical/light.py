"""`sparring physical light`: throw a shadow or a laser's beam on objects, so that a camera's model misreads them."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from sparring.cli.groups import Opening, Reading, taking
from sparring.cli.jobs import opened
from sparring.cli.options import ConfigPath, DataSource, Limit, ModelSource, SampleCount
from sparring.cli.physical.options import AsJson, ScenarioName, Seed, pictured

__all__ = ["light"]


@taking(Opening, Reading)
def light(
    context: typer.Context,
    model: ModelSource = None,
    data: DataSource = None,
    kind: Annotated[str, typer.Option(help="shadow or beam")] = "shadow",
    strength: Annotated[
        float,
        typer.Option(
            help="share of the light that a shadow takes, or of white that a beam adds", min=0.01, max=1
        ),
    ] = 0.75,
    target: Annotated[
        int | None, typer.Option(help="class that must come out; default any wrong one")
    ] = None,
    scenario: ScenarioName = "street-camera",
    side: Annotated[str, typer.Option(help="of the object")] = "600 mm",
    steps: Annotated[int, typer.Option(help="looks of the search for each object", min=1)] = 200,
    looks: Annotated[int, typer.Option(help="photos per look", min=1)] = 4,
    photos: Annotated[int, typer.Option(help="of each object, when it is judged", min=1)] = 6,
    limit: Limit = None,
    sample: SampleCount = 20,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="folder for result.json and report.html")] = Path("runs/physical"),
    config: ConfigPath = Path("sparring.toml"),
    as_json: AsJson = False,
) -> int:
    """Search the shadow or the beam of light that makes a model misread each object, by scores alone.

    Nothing is printed; the scenario's camera looks at the object itself. All of it is simulated.

        sparring physical light --model net.pt2 --data signs.npz --kind shadow
    """
    from sparring.api import chosen
    from sparring.cli.physical.finish import finish_print_run
    from sparring.cli.progress import counting
    from sparring.errors import UsageError, nearest
    from sparring.physical import Beam, Illumination, LightSearch, Shadow, load_scenario, make_changed_run
    from sparring.physical.scene.units import parse_value

    if kind not in (known := ("shadow", "beam")):
        raise UsageError(f'there is no kind of light "{kind}"; {nearest(kind, known)}')
    thrown = Shadow(1 - strength) if kind == "shadow" else Beam(strength)
    length, place = parse_value(side, "length", "--side"), load_scenario(scenario)
    loaded, whole = opened(pictured(context))
    with counting() as tell:
        run = make_changed_run(
            loaded, chosen(whole, limit, None if limit else sample), length, place,
            Illumination(LightSearch(thrown, steps), looks), target=target, photos=photos, seed=seed,
            progress=lambda stage, at: tell(stage, at.step, at.steps), command=shlex.join(["sparring", *sys.argv[1:]]),
        )  # fmt: skip
    return finish_print_run(run, out, as_json)
