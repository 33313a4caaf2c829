"""A table is searched in units of scale; its model is shown the columns' own units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from sparring.columns import Columns
from sparring.models.model import Model

__all__ = ["shown_rows"]


class _Rows(nn.Module):
    """A model of rows, as a function of inputs in units of scale."""

    def __init__(self, function: Callable[[Tensor], Any], columns: Columns) -> None:
        super().__init__()
        self.function = function
        self.columns = columns

    def forward(self, inputs: Tensor) -> Any:
        return self.function(self.columns.rows(inputs))


def shown_rows(model: Model, columns: Columns | None) -> Model:
    """The model, taking inputs in units of scale; as it is where there are no columns, or where it does so already."""
    if columns is None or isinstance(model.function, _Rows):
        return model
    return model.having(function=_Rows(model.function, columns))
