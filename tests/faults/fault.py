"""A fault: one small change to one source file that some test should notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "sparring"


@dataclass(frozen=True)
class Fault:
    """Plant it with `planted`.

    Args:
        name: What is wrong then.
        file: Under `src/sparring`.
        old: Text that stands there; exactly once unless `at` says where.
        new: What stands there instead.
        tests: Beginnings of the names of the tests that are likely to notice.
        at: Where `old` begins.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    at: int | None = None

    def planted(self, source: str) -> str:
        """The source with the fault in it."""
        if self.at is None and source.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.file} has {source.count(self.old)} times {self.old!r}")
        at = source.index(self.old) if self.at is None else self.at
        return source[:at] + self.new + source[at + len(self.old) :]
