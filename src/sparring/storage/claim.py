"""One writer per run folder: the claim lasts as long as the process, however it ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sparring.errors import DataError, UsageError

__all__ = ["claimed", "is_claimed"]


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Make a folder if it is not there, and keep other processes from writing a run into it.

    Raises:
        DataError: The folder cannot be written.
        UsageError: Another process is writing a run there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error.strerror or error}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"another process is writing a run into {folder}; wait, or give another folder"
            ) from None
        yield


def is_claimed(folder: Path) -> bool:
    """Whether a process is writing a run into a folder just now."""
    try:
        with (folder / ".lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
