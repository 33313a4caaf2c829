"""Which plan a run folder belongs to, so that an audit that was killed can go on in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sparring.errors import OtherRunError, UsageError
from sparring.storage.files import replacing

__all__ = ["PLAN", "RESULT", "begin", "is_finished", "number_of", "unfinished"]

PLAN, RESULT = "plan.json", "result.json"


def begin(folder: Path, digest: str, resume: bool) -> None:
    """Mark a folder as that of a plan, with a number higher than those of its neighbours.

    Args:
        folder: Of the run; it exists.
        digest: Of the plan.
        resume: Whether a run of the same plan that is there already may be gone on with.

    Raises:
        OtherRunError: A run of another plan is there already.
        UsageError: This run is there already, and is not to be resumed.
    """
    there = _plan(folder).get("digest")
    if there is None and not (folder / RESULT).exists():
        number = 1 + max((number_of(plan.parent) for plan in folder.parent.glob(f"*/{PLAN}")), default=0)
        with replacing(folder / PLAN) as path:
            path.write_text(json.dumps({"digest": digest, "number": number}) + "\n", encoding="utf-8")
    elif there != digest:
        raise OtherRunError(
            f"{folder} holds another run (other model, data, threat, suite, seed or version); give another folder"
        )
    elif not resume:
        raise UsageError(f"{folder} holds this run already; give resume to go on with it, or another folder")


def unfinished(runs: Path, digest: str) -> Path | None:
    """The newest folder below `runs` that holds an unfinished run of a plan; numbers tell, because clocks jump."""
    folders = [plan.parent for plan in runs.glob(f"*/{PLAN}") if _plan(plan.parent).get("digest") == digest]
    left = [folder for folder in folders if not is_finished(folder)]
    return max(left, key=lambda folder: (number_of(folder), folder.name), default=None)


def number_of(folder: Path) -> int:
    """The how-manieth run of its neighbours a folder holds; 0 if it does not say."""
    number = _plan(folder).get("number")
    return number if type(number) is int else 0


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a run with nothing left to do."""
    return _object(folder / RESULT).get("verdict", "incomplete") != "incomplete"


def _plan(folder: Path) -> dict[str, Any]:
    return _object(folder / PLAN)


def _object(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty if there is none that makes sense."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
