"""Which plan a run folder belongs to, so that an audit that was killed can go on in it."""

from __future__ import annotations

import json
from pathlib import Path

from sparring.errors import OtherRunError, UsageError
from sparring.storage.files import replacing

__all__ = ["begin", "unfinished"]

PLAN, RESULT = "plan.json", "result.json"


def begin(folder: Path, digest: str, resume: bool) -> None:
    """Mark a folder as that of a plan.

    Args:
        folder: Of the run; it exists.
        digest: Of the plan.
        resume: Whether a run of the same plan that is there already may be gone on with.

    Raises:
        OtherRunError: A run of another plan is there already.
        UsageError: This run is there already, and is not to be resumed.
    """
    there = _digest(folder)
    if there is None and not (folder / RESULT).exists():
        with replacing(folder / PLAN) as path:
            path.write_text(json.dumps({"digest": digest}) + "\n", encoding="utf-8")
    elif there != digest:
        raise OtherRunError(
            f"{folder} holds another run (other model, data, threat, suite, seed or version); give another folder"
        )
    elif not resume:
        raise UsageError(f"{folder} holds this run already; give resume to go on with it, or another folder")


def unfinished(runs: Path, digest: str) -> Path | None:
    """The newest folder below `runs` that holds an unfinished run of a plan."""
    folders = [plan.parent for plan in runs.glob(f"*/{PLAN}") if _digest(plan.parent) == digest]
    left = [folder for folder in folders if not _finished(folder)]
    return max(left, key=lambda folder: (folder / PLAN).stat().st_mtime, default=None)


def _digest(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / PLAN).read_text(encoding="utf-8"))["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _finished(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / RESULT).read_text(encoding="utf-8"))["verdict"] != "incomplete")
    except (OSError, ValueError, KeyError, TypeError):
        return False
