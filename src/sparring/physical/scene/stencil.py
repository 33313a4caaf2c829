"""The shape of a sticker: which of a patch's features there are, from a picture file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from sparring.errors import DataError
from sparring.physical.scene.placement import Placement

__all__ = ["load_stencil", "shaped"]


def load_stencil(path: Path, placement: Placement) -> Tensor:
    """A picture file as a shape `(down, across)` of ones and zeros, a value per feature of the patch.

    White is sticker, black is not; of a picture with transparency, what is opaque. It is stretched to the patch.

    Raises:
        DataError: The file cannot be read, or leaves nothing of the patch.
    """
    try:
        with Image.open(path) as image:
            see_through = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            grey = image.convert("RGBA").getchannel("A") if see_through else image.convert("L")
    except FileNotFoundError:
        raise DataError(f"there is no mask {path}") from None
    except UnidentifiedImageError:
        raise DataError(f"{path} is no picture that can be read; save the mask as PNG") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path} is damaged: {' '.join(str(error).split())}") from error
    down, across = placement.features
    small = grey.resize((across, down), Image.Resampling.BOX)
    shape = torch.from_numpy(np.array(small) >= 128).float()
    if not bool(shape.any()):
        raise DataError(f"{path} leaves nothing of a patch of {across} x {down} features: white is sticker")
    return shape


def shaped(patch: Tensor, shape: Tensor | None) -> Tensor:
    """A patch `(3, down, across)` with its shape as a fourth channel, or as it is if it has none."""
    return patch if shape is None else torch.cat([patch, shape.to(patch)[None]])
