"""The gallery: broken samples with the smallest changes first."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from sparring.reports.pictures import Picture, change, loudness, picture
from sparring.reports.words import class_name, is_picture
from sparring.storage import Run

__all__ = ["Change", "Exhibit", "distance", "gallery", "within_budget"]

BUDGET = 1_400_000
"""Bytes that pictures may take in a report that must stay below 2 MB."""

SIZES = ((224, 24), (160, 24), (128, 24), (128, 16), (96, 12), (64, 12), (64, 6))
"""Stored pixels along the longest side, and exhibits: what is given up first when the budget is short."""

FEATURES = 6
"""How many changed features are listed of a sample that is no picture."""

_NORMS = {"linf": "L∞", "l2": "L2", "l1": "L1", "l0": "L0"}


class Pictured(Protocol):
    """Anything with pictures."""

    @property
    def pictures(self) -> tuple[Picture, ...]: ...


P = TypeVar("P", bound=Pictured)


@dataclass(frozen=True)
class Change:
    """One changed feature of a sample that is no picture."""

    feature: str
    before: str
    after: str
    delta: str


@dataclass(frozen=True)
class Exhibit:
    """One broken sample, with `changes` or with three `pictures`: original, change and adversarial input."""

    index: int
    label: str
    prediction: str
    distance: str
    attack: str
    found_after: int | None
    loudness: int
    pictures: tuple[Picture, ...] = ()
    changes: tuple[Change, ...] = ()


def gallery(run: Run, budget: int = BUDGET) -> list[Exhibit]:
    """At most 24 broken samples, the nearest first; pictures shrink, then exhibits go, to keep `budget`."""
    chosen = _chosen(run)
    return within_budget(lambda side, rows: [_exhibit(run, *entry, side) for entry in chosen[:rows]], budget)


def within_budget(draw: Callable[[int, int], list[P]], budget: int) -> list[P]:
    """The first of `draw(side, rows)` over `SIZES` whose pictures fit into `budget` bytes; else nothing."""
    for side, rows in SIZES:
        drawn = draw(side, rows)
        if sum(len(picture.uri) for exhibit in drawn for picture in exhibit.pictures) <= budget:
            return drawn
    return []


def distance(run: Run, value: float | None) -> str:
    """A distance with its norm, or in grey levels where those are what the threat counts."""
    if value is None or not math.isfinite(value):
        return "n/a"
    step, norm = run.result["data"].get("step"), run.result["threat"].get("norm", "")
    if step and norm == "linf" and is_picture(run):
        return f"{value / step:.3g} grey levels"
    return f"{_NORMS.get(norm, norm)} {value:.4g}".strip()


def _chosen(run: Run) -> list[tuple[dict[str, Any], tuple[Tensor, Tensor]]]:
    """Record, original and adversarial input of what the run kept for its gallery, the nearest first."""
    if "gallery_index" not in run.tensors:
        return []
    kept = {int(index): row for row, index in enumerate(run.tensors["gallery_index"])}
    shown = pc.is_in(run.records["index"], pa.array(list(kept), pa.int64()))
    broken = pc.equal(run.records["status"], "broken")
    records = run.records.filter(pc.and_(shown, broken)).to_pylist()
    records.sort(key=lambda record: math.inf if record["distance"] is None else record["distance"])
    inputs, adversarial = run.tensors["gallery_inputs"], run.tensors["gallery_adversarial"]
    return [(record, (inputs[row := kept[record["index"]]], adversarial[row])) for record in records]


def _exhibit(run: Run, record: dict[str, Any], pair: tuple[Tensor, Tensor], side: int) -> Exhibit:
    original, adversarial = pair
    return Exhibit(
        index=record["index"],
        label=class_name(run, record["label"]),
        prediction=class_name(run, record["adversarial_prediction"]),
        distance=distance(run, record["distance"]),
        attack=record["attack"] or "",
        found_after=record["found_after"],
        loudness=loudness(original, adversarial),
        pictures=_pictures(original, adversarial, side) if is_picture(run) else (),
        changes=() if is_picture(run) else _changes(run, original, adversarial),
    )


def _pictures(original: Tensor, adversarial: Tensor, side: int) -> tuple[Picture, ...]:
    return picture(original, side), change(original, adversarial, side), picture(adversarial, side)


def _changes(run: Run, original: Tensor, adversarial: Tensor) -> tuple[Change, ...]:
    """The features that changed most; those of a table by their scale, and under their names."""
    columns = run.result["data"].get("columns")
    scale = 1.0 if columns is None else torch.tensor([column["scale"] for column in columns])
    delta = ((adversarial - original) / scale).flatten()
    largest = delta.abs().topk(min(FEATURES, delta.numel())).indices
    places = torch.stack(torch.unravel_index(largest, original.shape), dim=1).tolist()
    names = [", ".join(map(str, place)) if columns is None else columns[place[0]]["name"] for place in places]
    before, after = original.flatten()[largest].tolist(), adversarial.flatten()[largest].tolist()
    return tuple(
        Change(name, f"{old:.6g}", f"{new:.6g}", f"{new - old:+.3g}")
        for name, old, new in zip(names, before, after, strict=True)
        if old != new
    )
