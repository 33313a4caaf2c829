"""A new verdict on a run that is there already."""

import json

from sparring.errors import DataError
from sparring.storage.audit_log import note_aside, seal, unseal
from sparring.storage.files import replacing
from sparring.storage.run import RESULT, Run
from sparring.storage.schema import fault, result_schema

__all__ = ["save_verdict"]


def save_verdict(run: Run) -> None:
    """Replace `result.json` in the folder of `run`; what was found is not touched.

    Raises:
        DataError: The result contradicts its schema, or the folder cannot be written.
    """
    if run.folder is None:
        raise DataError("this run is in no folder; save it with write_run")
    if problem := fault(run.result, result_schema()):
        raise DataError(f"{run.folder}: {RESULT}: {problem}")
    text = json.dumps(run.result, indent=2, ensure_ascii=False, allow_nan=False)
    note_aside(run.folder, "judged", verdict=run.verdict, reasons=run.result["reasons"])
    unseal(run.folder, [RESULT])
    with replacing(run.folder / RESULT) as path:
        path.write_text(text + "\n", encoding="utf-8")
    seal(run.folder)
