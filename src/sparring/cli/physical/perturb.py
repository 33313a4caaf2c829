"""`sparring physical perturb`: change pictures a little, so that their prints are misread."""

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

__all__ = ["perturb"]


@taking(Opening, Reading)
def perturb(
    context: typer.Context,
    model: ModelSource = None,
    data: DataSource = None,
    threat: Annotated[str, typer.Option(help="how far values may move: linf:16/255")] = "linf:16/255",
    target: Annotated[
        int | None, typer.Option(help="class that must come out; default any wrong one")
    ] = None,
    scenario: ScenarioName = "scanner",
    side: Annotated[str, typer.Option(help="of the printed picture")] = "84 mm",
    steps: Annotated[int, typer.Option(help="of each picture", min=1)] = 30,
    looks: Annotated[int, typer.Option(help="photos per step", min=1)] = 8,
    photos: Annotated[int, typer.Option(help="of each picture, when it is judged", min=1)] = 6,
    limit: Limit = None,
    sample: SampleCount = 20,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="folder for result.json and report.html")] = Path("runs/physical"),
    config: ConfigPath = Path("sparring.toml"),
    as_json: AsJson = False,
) -> int:
    """Change whole pictures by a little that survives printing and scanning; go on with `sparring physical sheet`.

    sparring physical perturb --model net.pt2 --data photos.npz --threat linf:16/255 --scenario scanner
    """
    from sparring.api import chosen
    from sparring.cli.physical.finish import finish_print_run
    from sparring.cli.progress import counting
    from sparring.errors import UsageError
    from sparring.physical import Perturbation, load_scenario, make_changed_run
    from sparring.physical.scene.units import parse_value
    from sparring.threat import Linf, parse_threat

    allowed = parse_threat(threat)
    if not isinstance(allowed, Linf):
        raise UsageError(f"prints are perturbed under linf, such as linf:16/255, but the threat is {threat}")
    length, place = parse_value(side, "length", "--side"), load_scenario(scenario)
    loaded, whole = opened(pictured(context))
    with counting() as tell:
        run = make_changed_run(
            loaded, chosen(whole, limit, None if limit else sample), length, place,
            Perturbation(float(allowed.eps), steps, looks), target=target, photos=photos, seed=seed,
            progress=lambda stage, at: tell(stage, at.step, at.steps), command=shlex.join(["sparring", *sys.argv[1:]]),
        )  # fmt: skip
    return finish_print_run(run, out, as_json)
