"""What becomes of examples that are stored as files and read again."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

__all__ = ["MEDIA", "encoded", "read_again"]

Medium = tuple[str, dict[str, int]]

MEDIA: dict[str, Medium] = {
    "png": ("PNG", {}),
    "jpeg-95": ("JPEG", {"quality": 95}),
    "jpeg-75": ("JPEG", {"quality": 75}),
}
"""Format and settings of Pillow."""


def encoded(image: Tensor, medium: str) -> bytes:
    """One image `(1 | 3, H, W)` in [0, 1] as a file; values are rounded to the nearest grey level."""
    kind, settings = MEDIA[medium]
    levels = (image.clamp(0, 1) * 255).round().byte().numpy()
    drawn = Image.fromarray(levels[0] if len(levels) == 1 else np.moveaxis(levels, 0, 2).copy())
    buffer = io.BytesIO()
    drawn.save(buffer, kind, **settings)
    return buffer.getvalue()


def read_again(points: Tensor, medium: str) -> Tensor:
    """Images `(N, C, H, W)` after each was written as a file and read again."""
    return torch.stack([_decoded(encoded(each, medium)) for each in points]) if len(points) else points


def _decoded(content: bytes) -> Tensor:
    levels = torch.from_numpy(np.array(Image.open(io.BytesIO(content))))
    image = levels[None] if levels.ndim == 2 else levels.movedim(2, 0)
    return image.float() / 255
