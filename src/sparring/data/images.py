"""Encoded images to one uint8 array on disk: resize the short side, crop the centre, channels first."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sparring.data.kept import InFile
from sparring.data.unpacked import unpacked
from sparring.errors import DataError, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["decode"]

Source = Path | BinaryIO


def decode(
    sources: Sequence[Source],
    names: Sequence[str],
    *,
    source: str,
    resize: int | None = None,
    crop: int | None = None,
) -> InFile:
    """Decode N images of `source` to (N, C, H, W), one after the other: one channel if all are grey, else three.

    `resize` is the length of the short side (bilinear, with antialiasing), `crop` the side of a centred
    square.

    Raises:
        DataError: If an image cannot be read, sizes differ after resize and crop, or there is no room for them.
    """
    for option, value in (("resize", resize), ("crop", crop)):
        if value is not None and value < 1:
            raise UsageError(f"{option} must be at least 1 pixel, got {value}")
    if not sources:
        raise DataError("there are no images to decode")
    mode = "L" if all(map(_is_grey, sources, names)) else "RGB"
    shape = _pixels(sources[0], names[0], mode, resize, crop).shape

    def rows() -> Iterator[bytes]:
        for each, name in zip(sources, names, strict=True):
            pixels = _pixels(each, name, mode, resize, crop)
            if pixels.shape != shape:
                raise DataError(_size_fault(names[0], shape, name, pixels.shape))
            yield pixels.tobytes()

    return unpacked(rows(), np.dtype(np.uint8), (len(sources), *shape), source, "make room there")


def _open(source: Source, name: str) -> Image:
    from PIL import Image, UnidentifiedImageError

    if not isinstance(source, Path):
        source.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(source)
    except (
        UnidentifiedImageError,
        OSError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise DataError(f"{name} cannot be read as an image: {' '.join(str(error).split())}") from error


def _is_grey(source: Source, name: str) -> bool:
    """Look at the header only."""
    with _open(source, name) as image:
        if image.mode.startswith(("I", "F")):
            raise DataError(f"{name} has more than 8 bits per channel; save it with 8 bits, or give arrays")
        return image.mode in ("L", "1", "LA")


def _pixels(source: Source, name: str, mode: str, resize: int | None, crop: int | None) -> NDArray[np.uint8]:
    with _open(source, name) as image:
        try:
            shaped = _cropped(_resized(image.convert(mode), resize), crop, name)
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(f"{name} is truncated or damaged: {error}") from error
    pixels = np.asarray(shaped)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _resized(image: Image, side: int | None) -> Image:
    if side is None:
        return image
    from PIL.Image import Resampling

    scale = side / min(image.size)
    width, height = (max(side, int(length * scale)) for length in image.size)
    return image.resize((width, height), Resampling.BILINEAR)


def _cropped(image: Image, side: int | None, name: str) -> Image:
    if side is None:
        return image
    width, height = image.size
    if side > min(width, height):
        raise DataError(
            f"{name} is {width}x{height}, too small to crop {side}x{side}; resize to {side} or more first"
        )
    left, top = round((width - side) / 2), round((height - side) / 2)
    return image.crop((left, top, left + side, top + side))


def _size_fault(first: str, shape: Iterable[int], other: str, other_shape: Iterable[int]) -> str:
    (_, height, width), (_, other_height, other_width) = shape, other_shape
    return (
        f"{first} is {width}x{height} but {other} is {other_width}x{other_height}; "
        "give resize and crop so that all images have one size"
    )
