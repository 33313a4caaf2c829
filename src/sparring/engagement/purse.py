"""The queries that an engagement allows, counted in a file that all processes share.

A query is written down before it is sent and never taken back, so a process that is killed leaves the count too high
rather than too low. Every change is made under a lock and replaces the file, flushed to disk.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparring.errors import DataError, Exhausted

__all__ = ["Purse"]

MINUTE = 60
"""Seconds for which a query counts towards the rate. Only whole seconds are kept, so it may be almost one more."""


@dataclass(frozen=True)
class Purse:
    """The count of queries, in a file.

    A process may hold some back, so that what it has found when nothing else is left can still be verified.

    Args:
        path: Of the file with the count; its lock lies beside it.
        total: Most queries in all.
        per_minute: Most queries in any minute.
    """

    path: Path
    total: int
    per_minute: int | None = None

    def pay(self, queries: int, *, held: bool = False) -> float:
        """Write down queries that are about to be sent.

        Args:
            queries: How many.
            held: Whether they may come from what this process holds back.

        Returns:
            0 if they are paid; else so many seconds must pass until they fit the rate, and nothing was written.

        Raises:
            Exhausted: So many are not left.
            DataError: The count cannot be read or written.
        """
        with self._opened() as count:
            mine = count["held"].get(_me(), 0)
            kept = sum(count["held"].values()) - (mine if held else 0)
            if count["queries"] + kept + queries > self.total:
                raise Exhausted(self._over(count["queries"], kept))
            wait = self._wait(count["sent"], queries)
            if not wait:
                count["queries"] += queries
                second = str(int(time.monotonic()))
                count["sent"][second] = count["sent"].get(second, 0) + queries
                if held:
                    count["held"][_me()] = max(0, mine - queries)
            return wait

    def hold(self, queries: int) -> bool:
        """Hold so many back for this process from now on, 0 for none; whether so many were left."""
        with self._opened() as count:
            count["held"].pop(_me(), None)
            fits = count["queries"] + sum(count["held"].values()) + queries <= self.total
            if fits and queries:
                count["held"][_me()] = queries
            return fits

    @property
    def spent(self) -> int:
        """How many were sent, by all processes."""
        with self._opened() as count:
            return int(count["queries"])

    def _wait(self, sent: dict[str, int], queries: int) -> float:
        """Seconds until so many more, of which there are no more than a minute may have, fit into a minute."""
        excess = 0 if self.per_minute is None else sum(sent.values()) + queries - self.per_minute
        for second in sorted(sent, key=int):
            if excess <= 0:
                break
            excess -= sent[second]
            if excess <= 0:
                return max(0.01, int(second) + MINUTE + 1 - time.monotonic())
        return 0.0

    def _over(self, sent: int, kept: int) -> str:
        held = f", and {kept:,} are held back to verify what was found" if kept else ""
        return f"the engagement allows {self.total:,} queries; {sent:,} were sent{held}"

    @contextmanager
    def _opened(self) -> Iterator[dict[str, Any]]:
        """The count, locked; what was changed in it is written when the block ends well."""
        try:
            with self.path.with_name(f"{self.path.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                before = self._read()
                count = _current(before)
                yield count
                if count != before:
                    self._write(count)
        except OSError as error:
            raise DataError(
                f"{self.path} cannot be used to count queries: {error.strerror or error}"
            ) from error

    def _read(self) -> dict[str, Any]:
        try:
            count = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {"queries": 0, "held": {}, "sent": {}}
        except ValueError:
            count = None
        match count:
            case {"queries": int(), "held": dict(), "sent": dict()}:
                return count
        raise DataError(f"{self.path} is no count of queries; put back the one that was there")

    def _write(self, count: dict[str, Any]) -> None:
        temporary = self.path.with_name(f"{self.path.name}.tmp")
        with temporary.open("w", encoding="utf-8") as file:
            file.write(json.dumps(count) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)


def _me() -> str:
    return str(os.getpid())


def _current(count: dict[str, Any]) -> dict[str, Any]:
    """The count without what processes held that are gone, and without what was sent more than a minute ago."""
    now = int(time.monotonic())
    held = {process: number for process, number in count["held"].items() if _lives(int(process))}
    sent = {second: number for second, number in count["sent"].items() if now - MINUTE <= int(second) <= now}
    return {"queries": count["queries"], "held": held, "sent": sent}


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        pass
    return True
