"""`.npz`: arrays of inputs and labels, read without pickle.

Nothing in such a file can run code: numpy reads raw arrays, and arrays of objects, which are pickles, are
refused.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from sparring.data.archive import array_in
from sparring.data.features import Features
from sparring.data.images import decode
from sparring.data.kept import Stored
from sparring.data.pack import pack
from sparring.data.samples import Samples
from sparring.domain import Domain
from sparring.errors import DataError, UnsafeFileError

__all__ = ["load_npz"]

INPUTS = ("x", "X", "inputs", "images", "image", "data", "features")
LABELS = ("y", "Y", "labels", "label", "targets", "target")

Arrays = Mapping[str, NDArray[np.generic]]
Found = TypeVar("Found")


def load_npz(
    path: Path,
    *,
    classes: Sequence[str] | None = None,
    labels: str | None = None,
    domain: Domain | None = None,
    features: Features | None = None,
) -> Samples:
    """Read a test set: keys `x` and `y` (or their usual names), the test split of `x_test`, `y_test`.

    `columns` names the columns of a table; without, they are x0, x1, and so on.

    Images may also come encoded, as `jpeg` (all files behind one another) with `offset` (N + 1).

    Raises:
        DataError: If the file cannot be read or holds no such arrays.
        UnsafeFileError: If it is, or holds, a pickle.
    """
    with path.open("rb") as file, _open(file, path) as arrays:
        label_key = labels or _key(arrays, LABELS, "labels", path)
        if label_key not in arrays:
            raise DataError(f'{path.name} holds no "{label_key}"; it holds {", ".join(arrays)}')
        inputs, notes = _inputs(arrays, path)
        if label_key == "y_test":
            notes += ("the file holds a training and a test split: the test split was taken",)
        numbers = _read(arrays, label_key, path)
        columns = [str(name) for name in _read(arrays, "columns", path)] if "columns" in arrays else None
    return pack(
        inputs,
        numbers,
        source=path.name,
        classes=classes,
        domain=domain,
        notes=notes,
        features=features,
        names=columns,
    )


def _open(file: BinaryIO, path: Path) -> np.lib.npyio.NpzFile:
    if file.read(1) == b"\x80":
        raise UnsafeFileError(
            f"{path.name} is a pickle, which can run code when it is read; save it by numpy.savez"
        )
    file.seek(0)
    try:
        arrays = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path.name} is no .npz file, or it is truncated; save it again by numpy.savez"
        ) from error
    if not isinstance(arrays, np.lib.npyio.NpzFile):
        raise DataError(f"{path.name} holds one array without labels; save inputs and labels by numpy.savez")
    return arrays


def _key(arrays: Arrays, names: tuple[str, ...], what: str, path: Path) -> str:
    """Find the key of inputs or labels; with several splits, the test split's."""
    for name in (*names, *(f"{name}_test" for name in names)):
        if name in arrays:
            return name
    raise DataError(f'{path.name} holds no {what}; call them "{names[0]}" (it holds {", ".join(arrays)})')


def _inputs(arrays: Arrays, path: Path) -> tuple[Stored, tuple[str, ...]]:
    """Inputs, which stay in the file if they can be read from it row by row."""
    if "jpeg" in arrays and "offset" in arrays:
        return _encoded(_read(arrays, "jpeg", path), _read(arrays, "offset", path), path)
    key = _key(arrays, INPUTS, "inputs", path)
    in_file = _careful(partial(array_in, path, key), key, path)
    return _read(arrays, key, path) if in_file is None else in_file, ()


def _read(arrays: Arrays, key: str, path: Path) -> NDArray[np.generic]:
    return _careful(partial(arrays.__getitem__, key), key, path)


def _careful(read: Callable[[], Found], key: str, path: Path) -> Found:
    """What `read` gives, or one sentence on why `key` cannot be read."""
    try:
        return read()
    except ValueError as error:
        if "pickle" not in str(error).lower():
            raise DataError(f'"{key}" of {path.name} cannot be read: {error}') from error
        raise UnsafeFileError(
            f'"{key}" of {path.name} is an array of objects, a pickle that can run code when it is read; '
            "save numbers instead"
        ) from error
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f'"{key}" of {path.name} is truncated or damaged; save the file again') from error


def _encoded(
    jpeg: NDArray[np.generic], offset: NDArray[np.generic], path: Path
) -> tuple[Stored, tuple[str, ...]]:
    """Decode images that lie behind one another; `offset` says where each begins, and where the last ends."""
    ends = offset.astype(np.int64)
    if (
        ends.ndim != 1
        or len(ends) < 2
        or ends[0] < 0
        or ends[-1] > jpeg.size
        or bool(np.any(np.diff(ends) <= 0))
    ):
        raise DataError(
            f'"offset" of {path.name} does not fit its "jpeg": it must rise from 0 to {jpeg.size}'
        )
    files = [BytesIO(jpeg[start:end].tobytes()) for start, end in pairwise(ends)]
    names = [f"image {i} of {path.name}" for i in range(len(files))]
    return decode(files, names, source=path.name), ("images were stored as JPEG and decoded",)
