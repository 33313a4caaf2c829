"""Run folders: what an audit found, on disk, whole or not at all."""

from sparring.storage.files import replacing
from sparring.storage.run import Run, load_run, save_run
from sparring.storage.schema import result_schema
from sparring.storage.tables import ATTEMPTS, RECORDS, attempts_table, records_table

__all__ = [
    "ATTEMPTS",
    "RECORDS",
    "Run",
    "attempts_table",
    "load_run",
    "records_table",
    "replacing",
    "result_schema",
    "save_run",
]
