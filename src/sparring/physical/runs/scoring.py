"""From photos of a run's sheets to answers of the model: find, flatten, cut out, ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sparring.errors import DataError, ModelError
from sparring.models import Model, look, untouched
from sparring.physical.attacks.patch_attack import reached
from sparring.physical.paper.found_sheet import FoundSheet, find_sheet
from sparring.physical.paper.photos import open_photo
from sparring.physical.runs.print_run import PrintRun
from sparring.physical.runs.tally import Look, tallied
from sparring.physical.runs.views import views_of
from sparring.physical.scene.shot import Shot

__all__ = ["Scores", "score_photos"]

FLUSH = 0.02
"""How far inside its printed edge a picture is cut out, of its side: no bare paper comes along."""


@dataclass(frozen=True)
class Scores:
    """What came back.

    Attributes:
        run: With what came back among its facts, not yet stored.
        shots: Photos that were used.
        refused: A sentence for each photo that was not.
    """

    run: PrintRun
    shots: tuple[Shot, ...]
    looks: tuple[Look, ...]
    refused: tuple[str, ...]


def score_photos(
    run: PrintRun,
    paths: Sequence[Path],
    model: Model,
    progress: Callable[[int], Any] = lambda done: None,
) -> Scores:
    """Success of every print in photos or scans of a run's sheets.

    A photo that cannot be used costs nothing but itself. Photos that were scored before are scored anew.

    Args:
        run: Whose sheets were printed.
        paths: Photos, in any order, each of one whole sheet.
        model: That the run was made for, or another one of the same input size.
        progress: Told after every photo.

    Raises:
        DataError: None of the photos can be used, or nothing was printed yet.
        ModelError: The model takes inputs of another size.
    """
    sheets = run.sheets
    if not sheets:
        raise DataError("this run has no sheets yet; write them with: sparring physical sheet")
    asked = _ready(model, run)
    shots, looks, seen, refused = [], [], [], []
    with untouched(asked):
        for done, path in enumerate(paths):
            try:
                found = find_sheet(open_photo(path), sheets)
            except DataError as error:
                refused.append(str(error))
            else:
                inputs = _cut_outs(found, run.facts["size"])
                shots.append(_shot(found))
                looks += _asked(asked, run, found, inputs)
                seen.append(inputs)
            progress(done + 1)
    if not shots:
        raise DataError(f"none of {len(paths)} photos can be used: {refused[0]}")
    facts = {
        "shots": [asdict(each) for each in shots],
        "captures": [asdict(each) for each in looks],
        "levels": _levels(run, looks),
        "views": [asdict(each) for each in views_of(shots, looks, run.facts["main"])],
        "refused": refused,
    }
    scored = replace(run.having(**facts), captured=torch.cat(seen))
    return Scores(scored, tuple(shots), tuple(looks), tuple(refused))


def _ready(model: Model, run: PrintRun) -> Model:
    size = run.facts["size"]
    try:
        return look(model, run.inputs.expand(-1, 3, -1, -1), run.labels)
    except ModelError as error:
        raise ModelError(
            f"the sheets of this run are for models of {size} x {size} RGB inputs, but {error}"
        ) from error


def _cut_outs(found: FoundSheet, size: int) -> Tensor:
    """The pictures on a sheet as the model sees them, `(cells, 3, size, size)`."""
    boxes = [
        replace(
            cell.box,
            left=cell.box.left + FLUSH * cell.box.width,
            top=cell.box.top + FLUSH * cell.box.height,
            width=cell.box.width * (1 - 2 * FLUSH),
            height=cell.box.height * (1 - 2 * FLUSH),
        )
        for cell in found.sheet.cells
    ]
    flat = np.stack([found.flattened(box, size) for box in boxes])
    return torch.from_numpy(flat).movedim(-1, 1).float() / 255


def _asked(model: Model, run: PrintRun, found: FoundSheet, inputs: Tensor) -> list[Look]:
    prints = [run.prints[cell.picture] for cell in found.sheet.cells]
    labels = run.labels[[each.subject for each in prints]]
    with torch.no_grad():
        outputs = model(inputs.to(model.device)).cpu()
    hits = reached(outputs, labels, run.facts["target"])
    level = 4 if found.photo.simulated else 5
    return [
        Look(level, each.arm, run.names[each.subject], found.photo.name, int(answer), bool(hit))
        for each, answer, hit in zip(prints, outputs.argmax(1), hits, strict=True)
    ]


def _shot(found: FoundSheet) -> Shot:
    tilt, distance, known = found.pose
    white = found.colour(found.sheet.swatches[10][0])
    return Shot(
        found.photo.name,
        found.sheet.id.number + 1,
        round(found.scale, 3),
        round(tilt, 1),
        round(distance) if known else None,
        round(float(white.mean()) / 255, 3),
        found.photo.simulated,
        found.photo.notes,
    )


def _levels(run: PrintRun, looks: Sequence[Look]) -> list[dict[str, Any]]:
    """The tallies of levels 0 to 3 as they were, and those of these photos."""
    before = [each for each in run.facts["levels"] if each["level"] < 4]
    return before + [asdict(each) for each in tallied(looks)]
