"""The columns of `records.parquet` and `attempts.parquet`, in one place."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sparring.errors import DataError

__all__ = ["ATTEMPTS", "OUTCOMES", "RECORDS", "STATUSES", "attempts_table", "read", "records_table", "write"]

STATUSES = ("clean_error", "broken", "robust", "gave_up", "unanswered", "unfinished")
STANDING = ("robust", "gave_up")
"""Samples that nothing broke; a cheap suite gave up on some of them."""
UNSETTLED = ("unanswered", "unfinished")
"""Samples of which nobody knows: the target refused them or went away, or the audit was stopped before."""
OUTCOMES = ("broken", "held", "unfinished")


def _needed(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


RECORDS = pa.schema(
    [
        _needed("id", pa.string()),
        _needed("index", pa.int64()),
        _needed("label", pa.int64()),
        _needed("prediction", pa.int64()),  # on the sample as it is; -1 where a target refused it
        _needed("status", pa.string()),
        pa.field("attack", pa.string()),  # the first that broke it
        pa.field("adversarial_prediction", pa.int64()),
        pa.field("distance", pa.float64()),
        pa.field("margin", pa.float32()),
        _needed("forwards", pa.int64()),
        _needed("backwards", pa.int64()),
        _needed("queries", pa.int64()),
        pa.field("found_after", pa.int64()),  # passes spent on the sample when it first broke
        _needed("verified", pa.bool_()),
        pa.field("broken_8bit", pa.bool_()),
        pa.field("risk", pa.float64()),
    ]
)

ATTEMPTS = pa.schema(
    [
        _needed("id", pa.string()),
        _needed("index", pa.int64()),
        _needed("stage", pa.string()),
        _needed("attack", pa.string()),
        pa.field("aim", pa.int64()),
        _needed("start", pa.int32()),
        _needed("outcome", pa.string()),
        pa.field("margin", pa.float32()),
        pa.field("distance", pa.float64()),
        _needed("forwards", pa.int64()),
        _needed("backwards", pa.int64()),
        _needed("queries", pa.int64()),
        _needed("steps", pa.int64()),
    ]
)


def records_table(columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """A row per sample from one sequence per column of `RECORDS`, all of one length.

    Raises:
        DataError: A column is missing, unknown, or holds what it may not.
    """
    return _checked(_table(columns, RECORDS), RECORDS, "records", "status", STATUSES)


def attempts_table(columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """A row per sample, stage, aim and start from one sequence per column of `ATTEMPTS`, all of one length.

    Raises:
        DataError: A column is missing, unknown, or holds what it may not.
    """
    return _checked(_table(columns, ATTEMPTS), ATTEMPTS, "attempts", "outcome", OUTCOMES)


def write(table: pa.Table, path: Path) -> None:
    """Write `table`; under one version of pyarrow equal content gives equal bytes: no dates, no chunks."""
    plain = table.replace_schema_metadata(None).combine_chunks()
    pq.write_table(
        plain, path, version="2.6", data_page_version="1.0", compression="zstd", row_group_size=65_536
    )


def read(path: Path) -> pa.Table:
    """The table in `records.parquet` or `attempts.parquet`, held against its columns.

    Raises:
        DataError: The file is missing, truncated or foreign.
    """
    try:
        table = pq.ParquetFile(path).read()
    except FileNotFoundError:
        raise DataError(f"{path} is missing: the folder holds no whole run") from None
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path} cannot be read as Parquet; it is truncated or another kind of file"
        ) from error
    if path.stem == "records":
        return _checked(table, RECORDS, str(path), "status", STATUSES)
    return _checked(table, ATTEMPTS, str(path), "outcome", OUTCOMES)


def _table(columns: Mapping[str, Sequence[Any]], schema: pa.Schema) -> pa.Table:
    if unknown := sorted(set(columns) ^ set(schema.names)):
        raise DataError(
            f"the columns {', '.join(unknown)} are missing or unknown; needed are {', '.join(schema.names)}"
        )
    try:
        return pa.table({name: columns[name] for name in schema.names}, schema=schema)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(f"the columns do not make a table: {error}") from error


def _checked(table: pa.Table, schema: pa.Schema, what: str, column: str, words: Sequence[str]) -> pa.Table:
    """`table` without columns that a later version added, or one sentence on what is wrong with it."""
    absent = [field.name for field in schema if table.schema.get_field_index(field.name) < 0]
    if absent:
        raise DataError(f"{what} has no column {', '.join(absent)}; it was not written by an audit")
    table = table.select(schema.names)
    for field in schema:
        found = table.schema.field(field.name).type
        if found != field.type:
            raise DataError(f"{what}: column {field.name} holds {found}, it should hold {field.type}")
        if not field.nullable and table[field.name].null_count:
            raise DataError(f"{what}: column {field.name} has empty cells, it may not have any")
    if strange := sorted(set(table[column].unique().to_pylist()) - set(words)):
        raise DataError(f'{what}: column {column} says "{strange[0]}"; known are {", ".join(words)}')
    return table.cast(schema)
