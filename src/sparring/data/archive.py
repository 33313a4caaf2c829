"""Arrays in `.npz` archives, read row by row: where they lie, or unpacked once if they are compressed."""

from __future__ import annotations

import zipfile
from functools import partial
from math import prod
from pathlib import Path

import numpy as np

from sparring.data.kept import InFile
from sparring.data.unpacked import unpacked

__all__ = ["array_in"]

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_CHUNK = 2**20


def array_in(path: Path, name: str) -> InFile | None:
    """The array `name` of an archive; None if it cannot be read row by row.

    Raises:
        DataError: It is compressed, and there is no room to unpack it.
        BadZipFile, OSError, EOFError, ValueError, zlib.error: The archive is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(f"{name}.npy")
        with archive.open(member) as file:
            if (read_header := _HEADERS.get(np.lib.format.read_magic(file))) is None:
                return None
            shape, by_column, dtype = read_header(file)
            header = file.tell()
            if by_column or not all(shape) or dtype.hasobject:
                return None
            if member.file_size != header + prod(shape) * dtype.itemsize:
                return None
            if member.compress_type != zipfile.ZIP_STORED:
                pieces = iter(partial(file.read, _CHUNK), b"")
                return unpacked(pieces, dtype, shape, path.name, "save it by numpy.savez, or make room there")
            while file.read(_CHUNK):  # to the end, where the checksum is compared
                pass
    return InFile.of(path.absolute(), _begin(path, member) + header, dtype, shape)


def _begin(path: Path, member: zipfile.ZipInfo) -> int:
    """Where the content of a member begins: behind a header of 30 bytes, a name and extra fields."""
    with path.open("rb") as file:
        file.seek(member.header_offset + 26)
        lengths = np.frombuffer(file.read(4), "<u2")
    return member.header_offset + 30 + int(lengths.sum())
