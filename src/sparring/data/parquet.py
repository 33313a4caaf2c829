"""`.parquet`: a table with one row per sample, feature columns and a label column.

Parquet holds typed columns only; reading it runs no code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sparring.data.samples import Samples
from sparring.data.table import Table, from_table
from sparring.errors import DataError

__all__ = ["load_parquet"]


def load_parquet(path: Path, **options: Any) -> Samples:
    """Read a table, never as a whole; options as in `from_table`.

    Raises:
        DataError: If the file cannot be read, a feature is not a number, or the label column is not found.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _readable(path), pq.ParquetFile(path) as file:

        def batches(columns: Sequence[str], most: int) -> Iterator[Any]:
            with _readable(path):
                # one by one: a reader of all groups keeps what it has read
                for group in range(file.num_row_groups):
                    yield from file.iter_batches(most, row_groups=[group], columns=list(columns))
            pa.default_memory_pool().release_unused()

        def column(name: str) -> Any:
            return file.read([name]).column(0)

        names, rows = file.schema_arrow.names, file.metadata.num_rows
        return from_table(Table(path.name, names, rows, column, batches), **options)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Says in one sentence what the reader says of a file that it cannot read."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        told = " ".join(str(error).split())[:200]
        raise DataError(f"{path.name} is no parquet file, or it is damaged: {told}") from error
