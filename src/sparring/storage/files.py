"""Files and folders appear whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sparring.errors import DataError, UsageError

__all__ = ["appearing", "replacing"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path that takes the place of `path`, flushed to disk, when the block ends well.

    A reader, or a machine that loses power, sees the old file or the new one, never a part of either.

    Raises:
        DataError: The disk is full, or the folder cannot be written. The old file is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes `folder` when the block ends well; else nothing is left of it.

    Raises:
        DataError: The disk is full, or the folder cannot be written.
        UsageError: `folder` is a file, or holds something.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        if folder.exists() and not (folder.is_dir() and next(folder.iterdir(), None) is None):
            raise UsageError(f"{folder} holds something already; give a new folder or an empty one")
        temporary.mkdir(parents=True)
        yield temporary
        temporary.replace(folder)
        _flush(folder.parent)
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _flush(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows cannot open a folder, and flushes its entries by itself
        return
    descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
