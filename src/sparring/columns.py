"""The columns of a table: what each may become, and in which unit a change of it is measured.

A table is searched in units of scale: every value divided by the scale of its column, so that one eps means as much in
each. That happens in float64, from which float32 values come back bit for bit; models are shown the columns' own units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

__all__ = ["Columns"]


@dataclass(frozen=True, eq=False)
class Columns:
    """F columns; all tensors `(F,)`, in the columns' own units.

    Args:
        names: In the order of the table.
        low, high: Range, float64.
        step: A change is a whole multiple of this, float64; 0 where any change goes.
        scale: The unit of changes, float64.
        mutable: Whether an attacker can change the column.
        group: Number of the category that the column is one value of (one-hot), -1 where it is none.
    """

    names: tuple[str, ...]
    low: Tensor
    high: Tensor
    step: Tensor
    scale: Tensor
    mutable: Tensor
    group: Tensor

    @classmethod
    def told(cls, lines: Sequence[Mapping[str, Any]]) -> Self:
        """The columns of a `result.json`, a line each."""
        low, high, step, scale = (
            torch.tensor([line[key] for line in lines], dtype=torch.float64)
            for key in ("low", "high", "step", "scale")
        )
        mutable, group = (torch.tensor([line[key] for line in lines]) for key in ("mutable", "group"))
        return cls(tuple(line["name"] for line in lines), low, high, step, scale, mutable, group)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The same for a `result.json`."""
        keys = ("low", "high", "step", "scale", "mutable", "group")
        values = zip(self.names, *(getattr(self, key).tolist() for key in keys), strict=True)
        return [dict(zip(("name", *keys), each, strict=True)) for each in values]

    def in_scales(self, rows: Tensor) -> Tensor:
        """Rows `(N, F)` in units of scale, float64."""
        return rows.double() / self.scale.to(rows.device)

    def rows(self, inputs: Tensor) -> Tensor:
        """Inputs `(N, F)` in the columns' own units, float32: what a model is shown."""
        return (inputs.double() * self.scale.to(inputs.device)).to(torch.float32)
