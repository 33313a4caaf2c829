"""A folder of images by class: one folder per class, the layout of torchvision's `ImageFolder`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sparring.data.images import decode
from sparring.data.pack import pack
from sparring.data.samples import Samples
from sparring.errors import DataError

__all__ = ["load_folder"]

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".gif"})


def load_folder(
    path: Path, *, classes: Sequence[str] | None = None, resize: int | None = None, crop: int | None = None
) -> Samples:
    """Read all images, class by class, by sorted path within a class.

    Label k is the k-th of `classes`, else of the lines of a `classes.txt` in the folder, else of the sorted
    names of the class folders.

    Raises:
        DataError: If there are no images, an image cannot be read, or classes and folders do not agree.
    """
    names = _class_order(path, classes)
    files = [(file, label) for label, name in enumerate(names) for file in _images(path / name)]
    if not files:
        raise DataError(f'"{path}" holds no images; put them into one folder per class')
    inputs = decode(
        [file for file, _ in files],
        [str(file.relative_to(path)) for file, _ in files],
        source=path.name,
        resize=resize,
        crop=crop,
    )
    return pack(inputs, np.array([label for _, label in files]), source=path.name, classes=names)


def _class_order(path: Path, classes: Sequence[str] | None) -> tuple[str, ...]:
    folders = sorted(
        child.name for child in path.iterdir() if child.is_dir() and not child.name.startswith(".")
    )
    listed = path / "classes.txt"
    if classes is None and listed.is_file():
        classes = [line.strip() for line in listed.read_text("utf-8").splitlines() if line.strip()]
    if classes is None:
        return tuple(folders)
    unknown = sorted(set(folders) - set(classes))
    if unknown:
        raise DataError(
            f'the classes do not name the folder "{unknown[0]}" of "{path}"; list every class folder'
        )
    return tuple(classes)


def _images(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
