"""SHA-256 of the files of a run, in a file that `sha256sum --check` reads."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import file_digest
from pathlib import Path

__all__ = ["SUMS", "changed_since", "sums_of"]

SUMS = "SHA256SUMS"


def sums_of(folder: Path, names: Iterable[str]) -> str:
    """A line per file."""
    return "".join(f"{_sum(folder / name)}  {name}\n" for name in names)


def changed_since(folder: Path) -> list[str] | None:
    """The files whose digests are no longer those in `SHA256SUMS`; None where there is no such file."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError):
        return None
    kept = [line.partition("  ") for line in lines]
    return [
        name for digest, _, name in kept if not (folder / name).is_file() or _sum(folder / name) != digest
    ]


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
