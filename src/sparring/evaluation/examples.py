"""The examples of an outcome, read from the shelf: a few for the pictures of the report, all of them in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from sparring.evaluation.outcome import Outcome, Shelved
from sparring.evaluation.plan import Plan
from sparring.evaluation.search.shelf import levels_in, points_in
from sparring.storage import Pieces

__all__ = ["pieces_of", "tensors_of"]

GALLERY = 24
"""How many examples keep their original beside them, for the pictures of the report."""

Marked = list[tuple[Shelved, Tensor]]
"""What is on the shelf, and which of the points there are verified examples, as a mask."""


def tensors_of(plan: Plan, outcome: Outcome) -> dict[str, Tensor]:
    """Which samples have examples, and the closest of these with their originals; of a table, the originals of all."""
    rows = _rows(_marked(outcome))
    distance = torch.full((len(plan.samples),), torch.inf, dtype=torch.float64)
    distance[outcome.rows.cpu()] = outcome.verified.distance.double().cpu()
    closest = rows[distance[rows].argsort(stable=True)[:GALLERY]]
    few = plan.samples.select(closest)
    tensors = {
        "index": plan.samples.index[rows],
        "gallery_index": few.index,
        "gallery_inputs": _stored(plan, few.inputs),
        "gallery_adversarial": _stored(plan, _points_of(outcome, closest, few.inputs)),
    }
    if plan.samples.domain.columns is not None:
        tensors["clean"] = _stored(plan, plan.samples.select(rows).inputs)
    if (found := outcome.storable) is not None:
        tensors["grid_index"] = plan.samples.index[found.rows.cpu()]
        tensors["grid_distance"], tensors["grid_prediction"] = found.distance.cpu(), found.prediction.cpu()
    return tensors


def pieces_of(plan: Plan, outcome: Outcome) -> dict[str, Pieces]:
    """Every verified example, and those that can be stored in 8 bits, in the order of their samples in `tensors_of`."""
    marked, shape = _marked(outcome), plan.samples.domain.shape
    points = Pieces((len(_rows(marked)), *shape), torch.float32, partial(_points, plan, marked))
    if outcome.storable is None:
        return {"adversarial": points}
    levels = Pieces((len(outcome.storable.rows), *shape), torch.uint8, partial(_levels, marked))
    return {"adversarial": points, "grid_adversarial": levels}


def _marked(outcome: Outcome) -> Marked:
    """Where a sample is on the shelf twice, the later point counts: a spot check looked at it again."""
    last = torch.full((len(outcome.ledger.broken),), -1)
    for number, each in enumerate(outcome.shelved):
        last[each.rows] = number
    broken = outcome.broken.cpu()
    return [
        (each, broken[each.rows] & (last[each.rows] == number)) for number, each in enumerate(outcome.shelved)
    ]


def _rows(marked: Marked) -> Tensor:
    """The samples that have examples, in the order in which these are kept."""
    return torch.cat([torch.zeros(0, dtype=torch.int64), *(each.rows[mine] for each, mine in marked)])


def _points(plan: Plan, marked: Marked) -> Iterator[Tensor]:
    for each, mine in marked:
        if bool(mine.any()):
            yield _stored(plan, points_in(each.path)[mine])


def _levels(marked: Marked) -> Iterator[Tensor]:
    for each, _ in marked:
        yield levels_in(each.path)


def _points_of(outcome: Outcome, rows: Tensor, like: Tensor) -> Tensor:
    """The points of a few samples, shaped like their inputs."""
    points = torch.empty_like(like)
    for each, mine in _marked(outcome):
        wanted = mine & torch.isin(each.rows, rows)
        if bool(wanted.any()):
            places = (rows == each.rows[wanted][:, None]).int().argmax(1)
            points[places] = points_in(each.path)[wanted]
    return points


def _stored(plan: Plan, points: Tensor) -> Tensor:
    """Points as they are stored: float32, rows of a table in the units of its columns."""
    columns = plan.samples.domain.columns
    return points.float() if columns is None else columns.rows(points)
