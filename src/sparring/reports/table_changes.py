"""What was changed in the rows of a table, in the units of its columns, and what of each class was recognised."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.reports.classes import classes
from sparring.reports.words import percent
from sparring.storage import Run

__all__ = ["Change", "caught", "changes"]


@dataclass(frozen=True)
class Change:
    """A column in the rows that were broken.

    Attributes:
        name: Of the column.
        rows: In how many broken rows it changed.
        share: Of all broken rows.
        usual: The median change where it changed, with its sign.
        largest: The one farthest from zero.
    """

    name: str
    rows: int
    share: str
    usual: str
    largest: str


def changes(run: Run) -> list[Change]:
    """A line per column that changed in some broken row, the most frequent first; none for data that are no table."""
    columns = run.result["data"].get("columns")
    if columns is None or "clean" not in run.tensors or not len(run.tensors["clean"]):
        return []
    moved = run.tensors["adversarial"].double() - run.tensors["clean"].double()
    lines = [_line(column["name"], moved[:, place]) for place, column in enumerate(columns)]
    return sorted((line for line in lines if line.rows), key=lambda line: (-line.rows, line.name))


def caught(run: Run) -> str | None:
    """How many of each class were recognised before and after, as a sentence: what fraud detection cares about."""
    lines = classes(run)
    if run.result["data"].get("columns") is None or not lines:
        return None
    parts = [
        f"{line.name}: {percent(line.clean, line.samples)} before, {percent(line.robust, line.samples)} after"
        for line in sorted(lines, key=lambda line: line.name)[:10]
    ]
    return f"Recognised of each class before and after the attack: {'; '.join(parts)}."


def _line(name: str, moved: Tensor) -> Change:
    there = moved[moved != 0]
    if not len(there):
        return Change(name, 0, "", "", "")
    largest = there[there.abs().argmax()]
    return Change(
        name=name,
        rows=len(there),
        share=percent(len(there), len(moved)),
        usual=_signed(float(torch.quantile(there, 0.5, interpolation="nearest"))),
        largest=_signed(float(largest)),
    )


def _signed(value: float) -> str:
    """A change as people write it.

    >>> _signed(2.0), _signed(-0.05), _signed(123456.0)
    ('+2', '-0.05', '+123,456')
    """
    size = f"{abs(value):,.0f}" if abs(value) >= 1000 else f"{abs(value):.4g}"
    return f"{'-' if value < 0 else '+'}{size}"
