"""Photos and scans as users have them, opened as 8-bit RGB, the right way up."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from sparring.errors import DataError

__all__ = ["SIMULATED", "Photo", "open_photo"]

EXIF_IFD, FOCAL_35MM, SOFTWARE, ORIENTATION = 0x8769, 0xA405, 0x0131, 0x0112
SIMULATED = "Sparring simulated capture"
"""What stands in the EXIF of a photo that was rendered, as the software that made it."""
SHORTEST = 100
FULL_FRAME = 36.0
"""Width in mm of the film that focal lengths are quoted for."""


@dataclass(frozen=True)
class Photo:
    """One picture file.

    Attributes:
        name: Of the file.
        pixels: `(H, W, 3)` uint8, RGB.
        focal: Focal length in pixels, if the file says it.
        simulated: Whether the file says that Sparring rendered it.
        notes: What was done to read it, a sentence each.
    """

    name: str
    pixels: NDArray[np.uint8]
    focal: float | None
    simulated: bool
    notes: tuple[str, ...] = ()


def open_photo(path: Path) -> Photo:
    """Read a JPEG, PNG, TIFF or other picture; turned as its EXIF says, CMYK and 16 bits made 8-bit RGB.

    Raises:
        DataError: There is no such file, or it is damaged, too large, too small, or no picture.
    """
    if not path.is_file():
        raise DataError(f"there is no photo {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image.load()
                return _photo(path.name, image)
    except UnidentifiedImageError:
        raise DataError(f"{path} is no picture that can be read; save it as JPEG or PNG") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{path} has too many pixels; scan at 300 dpi, or make it smaller") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path} is damaged: {' '.join(str(error).split())}") from error


def _photo(name: str, image: Image.Image) -> Photo:
    exif, notes = image.getexif(), []
    focal = exif.get_ifd(EXIF_IFD).get(FOCAL_35MM)
    if exif.get(ORIENTATION, 1) not in (0, 1):
        notes.append("turned as its EXIF says")
    turned = ImageOps.exif_transpose(image)
    rgb, note = _eight_bit(turned)
    notes += [note] if note else []
    if min(rgb.size) < SHORTEST:
        raise DataError(f"{name} is only {rgb.width} x {rgb.height} pixels; a sheet cannot be read in it")
    pixels = None if not focal else float(focal) / FULL_FRAME * max(rgb.size)
    return Photo(name, np.asarray(rgb, np.uint8), pixels, exif.get(SOFTWARE) == SIMULATED, tuple(notes))


def _eight_bit(image: Image.Image) -> tuple[Image.Image, str]:
    """As RGB, and what had to be done."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, np.float64)
        top = 65535.0 if image.mode != "F" and values.max() > 255 else max(float(values.max()), 1.0)
        grey = Image.fromarray((values / top * 255).round().clip(0, 255).astype(np.uint8))
        return grey.convert("RGB"), "16 bits made 8"
    if image.mode == "CMYK":
        return image.convert("RGB"), "CMYK made RGB without a colour profile: colours are rough"
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        over = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(over, image.convert("RGBA")).convert("RGB"), "laid on white"
    return image.convert("RGB"), ""
