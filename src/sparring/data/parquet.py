"""`.parquet`: a table with one row per sample, feature columns and a label column.

Parquet holds typed columns only; reading it runs no code.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.data.features import Features
from sparring.data.pack import pack
from sparring.data.samples import Samples
from sparring.domain import Domain
from sparring.errors import DataError, nearest

__all__ = ["from_table", "load_parquet"]

LABELS = ("label", "labels", "y", "target")


def load_parquet(path: Path, **options: Any) -> Samples:
    """Read a table; options as in `from_table`.

    Raises:
        DataError: If the file cannot be read, a feature is not a number, or the label column is not found.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path.name} is no parquet file, or it is damaged: {_line(error)}") from error
    return from_table(table, path, **options)


def from_table(
    table: Any,
    path: Path,
    *,
    classes: Sequence[str] | None = None,
    labels: str | None = None,
    domain: Domain | None = None,
    features: Features | None = None,
) -> Samples:
    """Samples of a table that was read; all columns but the label column `labels` are features, in their order.

    Labels may be text: classes are then numbered by `classes`, else in sorted order.

    Raises:
        DataError: If a feature is not a number, or the label column is not found.
    """
    name = _label_column(table.column_names, labels, path)
    columns = [column for column in table.column_names if column != name]
    if not columns or not table.num_rows:
        raise DataError(
            f"{path.name} holds no samples: {table.num_rows} rows, {len(columns)} feature columns"
        )
    inputs = np.empty((table.num_rows, len(columns)), np.float32)
    for place, column in enumerate(columns):
        inputs[:, place] = _numbers(table.column(column), column, path)
    numbers, classes, notes = _labels(table.column(name), name, classes, path)
    return pack(
        inputs,
        numbers,
        source=path.name,
        classes=classes,
        domain=domain,
        notes=notes,
        features=features,
        names=columns,
    )


def _label_column(columns: Sequence[str], asked: str | None, path: Path) -> str:
    if asked is not None:
        if asked not in columns:
            raise DataError(f'{path.name} has no column "{asked}"; {nearest(asked, columns)}')
        return asked
    found = next((name for name in LABELS if name in columns), None)
    if found is None:
        raise DataError(f"{path.name} has no column called {', '.join(LABELS)}; name the label column")
    return found


def _numbers(column: Any, name: str, path: Path) -> NDArray[np.generic]:
    if column.null_count:
        raise DataError(
            f'column "{name}" of {path.name} has {column.null_count} empty cells; fill them first'
        )
    values = column.to_numpy()
    if values.dtype.kind not in "iufb":
        raise DataError(
            f'column "{name}" of {path.name} is of type {column.type}; encode it as numbers first'
        )
    return values


def _labels(
    column: Any, name: str, classes: Sequence[str] | None, path: Path
) -> tuple[NDArray[np.generic], Sequence[str] | None, tuple[str, ...]]:
    if column.null_count or str(column.type) not in ("string", "large_string"):
        return _numbers(column, name, path), classes, ()
    text = np.array(column.to_pylist(), dtype=np.str_)
    order = list(classes) if classes is not None else sorted(set(text.tolist()))
    unknown = sorted(set(text.tolist()) - set(order))
    if unknown:
        raise DataError(f'the classes do not name the label "{unknown[0]}" of {path.name}; list every class')
    numbers = np.array([order.index(each) for each in text.tolist()], dtype=np.int64)
    return numbers, order, () if classes is not None else ("classes were numbered in sorted order",)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
