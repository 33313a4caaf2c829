"""Arrays in temporary files, where what was compressed is unpacked once: disks have more room than memory."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, gettempdir
from typing import Any

import numpy as np

from sparring.data.kept import InFile
from sparring.errors import DataError

__all__ = ["unpacked"]


def unpacked(
    pieces: Iterable[bytes], dtype: np.dtype[Any], shape: tuple[int, ...], name: str, instead: str
) -> InFile:
    """An array in a file of its own, which goes when the array goes.

    Args:
        pieces: Its bytes, row by row, made while they are written.
        dtype: Of its numbers.
        shape: Of the array.
        name: Of what is unpacked.
        instead: What to do where there is no room.

    Raises:
        DataError: There is no room.
    """
    try:
        with NamedTemporaryFile(prefix="sparring-", delete=False) as file, _gone_if_not_whole(file.name):
            file.writelines(pieces)
    except OSError as error:
        raise DataError(
            f"{name} cannot be unpacked in {gettempdir()}: {error.strerror or error}; {instead}"
        ) from error
    path = Path(file.name)
    found = InFile.of(path, 0, dtype, shape)
    weakref.finalize(found, path.unlink, missing_ok=True)
    return found


@contextmanager
def _gone_if_not_whole(name: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        Path(name).unlink()
        raise
