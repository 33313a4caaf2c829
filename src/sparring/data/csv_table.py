"""`.csv`: a table with a header line; read as typed columns, the same as `.parquet` from there on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.data.parquet import from_table
from sparring.data.samples import Samples
from sparring.errors import DataError

__all__ = ["load_csv"]


def load_csv(path: Path, **options: Any) -> Samples:
    """Read a table whose first line names the columns; options as in `from_table`.

    Raises:
        DataError: If the file cannot be read, a feature is not a number, or the label column is not found.
    """
    import pyarrow as pa
    from pyarrow import csv

    try:
        table = csv.read_csv(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path.name} is no table in CSV: {' '.join(str(error).split())[:200]}") from error
    return from_table(table, path, **options)
