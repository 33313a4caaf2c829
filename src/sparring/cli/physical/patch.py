"""`sparring physical patch`: train a patch through a scenario, with its controls, and judge it before it is printed."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparring.cli.groups import Opening, Reading, taking
from sparring.cli.jobs import loaded_data, opened
from sparring.cli.options import ConfigPath, DataSource, ModelSource
from sparring.cli.physical.options import AsJson, ScenarioName, Seed, pictured

if TYPE_CHECKING:
    from torch import Tensor

    from sparring.data import Samples
    from sparring.physical import Placement

__all__ = ["patch"]


@taking(Opening, Reading)
def patch(
    context: typer.Context,
    model: ModelSource = None,
    data: DataSource = None,
    held_out: Annotated[
        str | None, typer.Option(help="pictures to judge and print on; default half of --data, drawn by id")
    ] = None,
    sign: Annotated[
        str | None, typer.Option("--class", help="class of the objects, by number or name; default all")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="class that must come out, by number or name; default any wrong one")
    ] = None,
    scenario: ScenarioName = "scanner",
    side: Annotated[str, typer.Option(help="of the printed picture")] = "84 mm",
    size: Annotated[str, typer.Option("--patch", help="width of the patch")] = "25.2 mm",
    height: Annotated[str | None, typer.Option(help="of the patch; default its width")] = None,
    mask: Annotated[
        Path | None, typer.Option(help="picture with the patch's shape: white is sticker; default all of it")
    ] = None,
    left: Annotated[
        str | None, typer.Option(help="from the picture's left edge to the patch; default centred")
    ] = None,
    top: Annotated[str | None, typer.Option(help="likewise from the upper edge")] = None,
    feature: Annotated[str, typer.Option(help="side of the patch's smallest feature")] = "2.8 mm",
    steps: Annotated[int, typer.Option(help="updates of the patch", min=1)] = 300,
    looks: Annotated[int, typer.Option(help="photos per update", min=1)] = 32,
    palette: Annotated[
        Path | None, typer.Option(help="colours to keep to, as `sparring physical calibrate` writes them")
    ] = None,
    photos: Annotated[int, typer.Option(help="of each object, when it is judged", min=1)] = 6,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="folder for result.json and report.html")] = Path("runs/physical"),
    config: ConfigPath = Path("sparring.toml"),
    as_json: AsJson = False,
) -> int:
    """Train a patch that survives print, light and camera, and judge it against grey, random and shuffled ones.

    Nothing is printed yet: levels 0 to 3 are simulated. Go on with `sparring physical sheet`.

        sparring physical patch --model net.py:make --weights net.safetensors --data signs.npz --class 14 --target 1
    """
    from sparring.cli.physical.finish import finish_print_run
    from sparring.cli.progress import counting
    from sparring.physical import PatchAttack, Setting, load_scenario, load_stencil, make_print_run

    job = pictured(context)
    placement, place = _placement(side, size, height, left, top, feature), load_scenario(scenario)
    shape = None if mask is None else load_stencil(mask, placement)
    loaded, whole = opened(job)
    learn = _of_class(whole, sign)
    judge = None if held_out is None else _of_class(loaded_data(job, held_out), sign)
    aim = None if target is None else _class(target, learn, "--target")
    if judge is None:
        learn, judge = _halves(learn)
    setting = Setting(placement, place, aim, photos, seed)
    attack = PatchAttack(steps, looks, palette=_palette(palette), shape=shape)
    with counting() as tell:
        run = make_print_run(
            loaded, learn, judge, setting, attack, lambda stage, at: tell(stage, at.step, at.steps),
            shlex.join(["sparring", *sys.argv[1:]]),
        )  # fmt: skip
    return finish_print_run(run, out, as_json)


def _placement(
    side: str, size: str, height: str | None, left: str | None, top: str | None, feature: str
) -> Placement:
    from sparring.physical import Placement
    from sparring.physical.scene.units import parse_value

    whole, own = parse_value(side, "length", "--side"), parse_value(size, "length", "--patch")
    tall = own if height is None else parse_value(height, "length", "--height")
    across = (whole - own) / 2 if left is None else parse_value(left, "length", "--left")
    down = (whole - tall) / 2 if top is None else parse_value(top, "length", "--top")
    return Placement(whole, own, tall, across, down, parse_value(feature, "length", "--feature"))


def _of_class(samples: Samples, sign: str | None) -> Samples:
    from sparring.errors import DataError

    if sign is None:
        return samples
    chosen = (samples.labels == _class(sign, samples, "--class")).nonzero().squeeze(1)
    if not len(chosen):
        raise DataError(f"{samples.source} has no picture of class {sign}")
    return samples.select(chosen)


def _class(word: str, samples: Samples, option: str) -> int:
    """A class by its number or its name."""
    from sparring.errors import UsageError, nearest

    if word.isdecimal():
        return int(word)
    names = samples.classes or ()
    if word not in names:
        raise UsageError(f"{option} is no number, and no class is named {word!r}; {nearest(word, names)}")
    return names.index(word)


def _palette(path: Path | None) -> Tensor | None:
    """The colours of a palette file, `(K, 3)`."""
    import torch

    from sparring.errors import DataError

    if path is None:
        return None
    try:
        colours = torch.tensor(json.loads(path.read_text("utf-8"))["colours"], dtype=torch.float32)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no palette: {' '.join(str(error).split())}") from error
    if colours.ndim != 2 or colours.shape[1] != 3 or not bool(((colours >= 0) & (colours <= 1)).all()):
        raise DataError(f"{path} is no palette: colours are rows of red, green and blue from 0 to 1")
    return colours


def _halves(samples: Samples) -> tuple[Samples, Samples]:
    """Two halves that share nothing, the same on every machine."""
    from sparring.errors import DataError

    if len(samples) < 2:
        raise DataError("one picture cannot be both learned from and judged on; give more, or --held-out")
    drawn = set(samples.sample(len(samples) // 2).ids)
    rows = [
        [row for row, name in enumerate(samples.ids) if (name in drawn) == learn] for learn in (False, True)
    ]
    return samples.select(rows[0]), samples.select(rows[1])
