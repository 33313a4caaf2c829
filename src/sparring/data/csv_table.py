"""`.csv`: a table with a header line; read as typed columns, the same as `.parquet` from there on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.data.samples import Samples
from sparring.data.table import Table, from_table
from sparring.errors import DataError

__all__ = ["load_csv"]


def load_csv(path: Path, **options: Any) -> Samples:
    """Read a table whose first line names the columns; options as in `from_table`.

    It is in memory until it is read: what type a column has is known at its last line.

    Raises:
        DataError: If the file cannot be read, a feature is not a number, or the label column is not found.
    """
    import pyarrow as pa
    from pyarrow import csv

    try:
        table = csv.read_csv(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path.name} is no table in CSV: {' '.join(str(error).split())[:200]}") from error
    return from_table(
        Table(
            path.name,
            table.column_names,
            table.num_rows,
            table.column,
            lambda columns, most: iter(table.select(list(columns)).to_batches(most)),
        ),
        **options,
    )
