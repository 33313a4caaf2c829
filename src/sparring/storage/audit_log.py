"""The audit log of a run folder: who let what be done when, a line of JSON each, chained by digests.

Every line has `time`, `event` and `previous`, the SHA-256 of the line before, so that no line can be changed, removed
or put between others without a break. Whoever can write the folder can make the whole chain anew: the digest of its
last line proves something only if it is also kept elsewhere.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from sparring.errors import DataError

__all__ = ["LOG", "SEALED", "has_log", "head", "note", "note_aside", "seal", "unseal", "verify_log"]

LOG = "audit.log.jsonl"
SEALED = ("result.json", "records.parquet", "attempts.parquet", "adversarial.safetensors")
"""Files whose SHA-256 the log has, once they are written."""

FIRST = "0" * 64
"""What stands for the digest of a line before the first."""

TORN = "torn line closed"
"""The event behind a line that a kill cut off."""


def has_log(folder: Path) -> bool:
    """Whether there is a log in a run folder."""
    return (folder / LOG).is_file()


def note(folder: Path, event: str, **facts: Any) -> None:
    """Write down that something happened, flushed to disk; a line that a kill cut off is closed first.

    Raises:
        DataError: The log cannot be written.
    """
    path = folder / LOG
    try:
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            content = file.read()
            if content and not content.endswith(b"\n"):
                file.write(b"\n")
                content = _written(file, content, TORN, {})
            _written(file, content, event, facts)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error


def note_aside(folder: Path | None, event: str, **facts: Any) -> None:
    """Write down what was done with a run, if it has a log that may be written: a run can be read without."""
    if folder is not None and has_log(folder) and os.access(folder / LOG, os.W_OK):
        note(folder, event, **facts)


def unseal(folder: Path, names: Sequence[str] = SEALED) -> None:
    """Write down that files of a run are about to be written anew, if there is a log.

    Raises:
        DataError: The log cannot be written.
    """
    if has_log(folder):
        note(folder, "writing", files=list(names))


def seal(folder: Path) -> None:
    """Write down the SHA-256 of the files of a run, if there is a log.

    Raises:
        DataError: The log cannot be written, or a file cannot be read.
    """
    if has_log(folder):
        note(
            folder,
            "sealed",
            files={name: _digest(folder / name) for name in SEALED if (folder / name).exists()},
        )


def head(folder: Path) -> str | None:
    """The SHA-256 of the last line, to be kept elsewhere; None if there is no log.

    Raises:
        DataError: The log cannot be read.
    """
    if not has_log(folder):
        return None
    lines = _lines(folder / LOG)
    return sha256(lines[-1]).hexdigest()


def verify_log(path: str | Path) -> list[str]:
    """What is wrong with a log and with the files that it sealed, a sentence each; nothing if they are as written.

    Args:
        path: A run folder, or the log in it.

    Raises:
        DataError: There is no log, or it cannot be read.
    """
    path = Path(path)
    path = path / LOG if path.is_dir() else path
    lines, problems = _lines(path), []
    entries = [_entry(line) for line in lines]
    before = FIRST
    for number, (line, entry) in enumerate(zip(lines, entries, strict=True), 1):
        after = entries[number] if number < len(entries) else None
        if entry is None:
            if number == len(lines):
                problems.append(f"line {number} is not whole: a kill cut it off, and a resume would close it")
            elif after is None or after["event"] != TORN:
                problems.append(f"line {number} is not whole")
        elif entry["previous"] != before:
            problems.append(
                f"line {number} does not follow the line before it: one of them was changed or removed"
            )
        before = sha256(line).hexdigest()
    return problems + _changed(path.parent, [entry for entry in entries if entry is not None])


def _changed(folder: Path, entries: list[dict[str, Any]]) -> list[str]:
    """Sealed files that are not as they were when they were last sealed."""
    sealed: dict[str, str] = {}
    for entry in entries:
        if entry["event"] == "writing":
            sealed = {name: digest for name, digest in sealed.items() if name not in entry["files"]}
        if entry["event"] == "sealed":
            sealed |= entry["files"]
    if not sealed:
        return ["the log seals no files: the run was not finished"]
    problems = []
    for name, digest in sealed.items():
        if not (folder / name).is_file():
            problems.append(f"{name} is missing")
        elif _digest(folder / name) != digest:
            problems.append(f"{name} is not as it was sealed")
    return problems


def _written(file: Any, content: bytes, event: str, facts: dict[str, Any]) -> bytes:
    """Append one line behind what is there, flushed; the line."""
    last = content.removesuffix(b"\n").rpartition(b"\n")[2]
    words = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
    words["previous"] = sha256(last).hexdigest() if content else FIRST
    line = json.dumps(words, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    file.write(line)
    file.flush()
    os.fsync(file.fileno())
    return line


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().removesuffix(b"\n").split(b"\n")
    except FileNotFoundError:
        raise DataError(
            f"there is no {path}: the run was made without a log, or the log was removed"
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _entry(line: bytes) -> dict[str, Any] | None:
    """What a line says, if it is whole."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    match entry:
        case {"event": "sealed", "previous": str(), "files": dict()}:
            return entry
        case {"event": "writing", "previous": str(), "files": list()}:
            return entry
        case {"event": str(event), "previous": str()} if event not in ("sealed", "writing"):
            return entry
    return None


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
