"""Tables read some rows at a time: all columns but one are features, and go to a file of their own, row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.data.features import Features
from sparring.data.kept import PART, InFile
from sparring.data.pack import pack
from sparring.data.samples import Samples
from sparring.data.unpacked import unpacked
from sparring.domain import Domain
from sparring.errors import DataError, nearest

__all__ = ["LABELS", "Table", "from_table"]

LABELS = ("label", "labels", "y", "target")


@dataclass(frozen=True)
class Table:
    """A table of typed columns, as pyarrow has them.

    Args:
        name: Of its file.
        columns: Names of the columns, in order.
        rows: How many there are.
        column: A whole column by its name.
        batches: Some columns, so many rows at a time at most.
    """

    name: str
    columns: Sequence[str]
    rows: int
    column: Callable[[str], Any]
    batches: Callable[[Sequence[str], int], Iterator[Any]]


def from_table(
    table: Table,
    *,
    classes: Sequence[str] | None = None,
    labels: str | None = None,
    domain: Domain | None = None,
    features: Features | None = None,
) -> Samples:
    """Samples of a table; all columns but the label column `labels` are features, in their order.

    Labels may be text: classes are then numbered by `classes`, else in sorted order.

    Raises:
        DataError: If a feature is not a number, the label column is not found, or there is no room for a temporary
            file.
    """
    name = _label_column(table, labels)
    columns = [column for column in table.columns if column != name]
    if not columns or not table.rows:
        raise DataError(f"{table.name} holds no samples: {table.rows} rows, {len(columns)} feature columns")
    inputs = _inputs(table, columns)
    numbers, classes, notes = _labels(table.column(name), name, classes, table.name)
    return pack(
        inputs,
        numbers,
        source=table.name,
        classes=classes,
        domain=domain,
        notes=notes,
        features=features,
        names=columns,
    )


def _label_column(table: Table, asked: str | None) -> str:
    if asked is not None:
        if asked not in table.columns:
            raise DataError(f'{table.name} has no column "{asked}"; {nearest(asked, table.columns)}')
        return asked
    found = next((name for name in LABELS if name in table.columns), None)
    if found is None:
        raise DataError(f"{table.name} has no column called {', '.join(LABELS)}; name the label column")
    return found


def _inputs(table: Table, columns: Sequence[str]) -> InFile:
    """The features as float32, in a temporary file."""

    def rows() -> Iterator[bytes]:
        empty: Counter[str] = Counter()
        for batch in table.batches(columns, max(1, PART // len(columns))):
            empty.update({name: batch.column(name).null_count for name in columns})
            if empty.total():
                continue
            part = np.empty((len(batch), len(columns)), np.float32)
            for place, name in enumerate(columns):
                part[:, place] = _numbers(batch.column(name), name, table.name)
            yield part.tobytes()
        for name in columns:
            _none_empty(empty[name], name, table.name)

    shape = table.rows, len(columns)
    return unpacked(rows(), np.dtype(np.float32), shape, table.name, "make room there")


def _none_empty(cells: int, name: str, table: str) -> None:
    if cells:
        raise DataError(f'column "{name}" of {table} has {cells} empty cells; fill them first')


def _numbers(column: Any, name: str, table: str) -> NDArray[np.generic]:
    """The values of a column without empty cells."""
    values: NDArray[np.generic] = np.asarray(column)
    if values.dtype.kind not in "iufb":
        raise DataError(f'column "{name}" of {table} is of type {column.type}; encode it as numbers first')
    return values


def _labels(
    column: Any, name: str, classes: Sequence[str] | None, table: str
) -> tuple[NDArray[np.generic], Sequence[str] | None, tuple[str, ...]]:
    _none_empty(column.null_count, name, table)
    if str(column.type) not in ("string", "large_string"):
        return _numbers(column, name, table), classes, ()
    text = np.array(column.to_pylist(), dtype=np.str_)
    order = list(classes) if classes is not None else sorted(set(text.tolist()))
    unknown = sorted(set(text.tolist()) - set(order))
    if unknown:
        raise DataError(f'the classes do not name the label "{unknown[0]}" of {table}; list every class')
    numbers = np.array([order.index(each) for each in text.tolist()], dtype=np.int64)
    return numbers, order, () if classes is not None else ("classes were numbered in sorted order",)
