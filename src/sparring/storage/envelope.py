"""What every `result.json` says, whichever room wrote it: the envelope around a room's own `body`."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from sparring.storage.files import replacing

__all__ = ["envelope", "versions", "write_result"]


def envelope(
    kind: str,
    body: Mapping[str, Any],
    *,
    samples: int,
    seed: int,
    seconds: float,
    verdict: str = "measured",
    reasons: Sequence[str] = (),
    findings: Sequence[Mapping[str, Any]] = (),
    command: str | None = None,
) -> dict[str, Any]:
    """The document of a room; nothing in it but `date` and `seconds` may depend on when it was made.

    Args:
        kind: Which room wrote it, such as `transfer`.
        body: What only this room says.
        samples: How many samples it is about.
        seed: Of all draws.
        seconds: How long it took.
        verdict: One of measured, pass, fail, inconclusive, invalid, incomplete.
        reasons: Why, a sentence each.
        findings: Each with `id`, `severity`, `message`, `samples`.
        command: What repeats it.
    """
    return {
        "schema_version": "1.0",
        "kind": kind,
        "verdict": verdict,
        "reasons": list(reasons),
        "samples": samples,
        "seed": seed,
        "seconds": round(seconds, 3),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "findings": [dict(each) for each in findings],
        "versions": versions(),
        "command": command,
        "body": dict(body),
    }


def versions() -> dict[str, str]:
    """Of Sparring, torch and Python."""
    return {
        "sparring": _version("sparring"),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def write_result(document: Mapping[str, Any], folder: Path) -> Path:
    """Write `result.json` into a folder, which is made if need be; whole or not at all.

    Raises:
        DataError: It cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / "result.json") as path:
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder / "result.json"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
