"""JPEG: as Pillow writes and reads it, and as a function with gradients.

The differentiable one follows the standard step by step: YCbCr, halved chroma, cosine transform of 8 by 8 blocks,
division by the tables, rounding, and back. Where the standard rounds, it takes the round number plus the cube of what
is missing (Shin & Song 2017, "JPEG-resistant adversarial images", Machine Learning and Computer Security Workshop).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from io import BytesIO

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["jpeg", "smooth_jpeg"]

Rounding = Callable[[Tensor], Tensor]


def jpeg(inputs: Tensor, quality: int = 75) -> Tensor:
    """Each image written as JPEG by Pillow and read again; no gradient.

    Args:
        inputs: `(B, 1 | 3, H, W)` in [0, 1], rounded to 8 bits first.
        quality: From 1 to 95, as Pillow counts.
    """
    import numpy as np
    from PIL import Image

    levels = (inputs.detach() * 255).round().clamp(0, 255).byte().cpu().movedim(1, -1).numpy()
    grey = inputs.shape[1] == 1
    back = []
    for each in levels:
        file = BytesIO()
        Image.fromarray(each[..., 0] if grey else each).save(file, "JPEG", quality=quality)
        back.append(np.asarray(Image.open(file)).reshape(each.shape))
    pixels = torch.from_numpy(np.stack(back)) if back else torch.empty(levels.shape)
    return pixels.movedim(-1, 1).to(inputs) / 255


def cubed(values: Tensor) -> Tensor:
    """Near the round number, with a slope everywhere but at it."""
    whole = values.detach().round()
    return whole + (values - whole) ** 3


def smooth_jpeg(inputs: Tensor, quality: float | Tensor = 75, rounding: Rounding = cubed) -> Tensor:
    """The same by differentiable steps; within a few grey levels of `jpeg` where `rounding` is `torch.round`.

    Args:
        inputs: `(B, 1 | 3, H, W)` in [0, 1].
        quality: From 1 to 99; `(B,)` for one per image.
        rounding: In place of rounding to whole numbers.
    """
    height, width = inputs.shape[-2:]
    planes = 255 * inputs - 128 if inputs.shape[1] == 1 else _luma_and_chroma(255 * inputs)
    light = _squeezed(planes[:, :1], _table(_LUMA, quality, inputs), rounding)
    if inputs.shape[1] == 1:
        return ((light + 128) / 255).clamp(0, 1)
    small = functional.avg_pool2d(_filled(planes[:, 1:], 2), 2)
    small = _squeezed(small, _table(_CHROMA, quality, inputs), rounding)
    colour = functional.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
    return (_colours(torch.cat([light, colour[..., :height, :width]], 1)) / 255).clamp(0, 1)


def _squeezed(planes: Tensor, table: Tensor, rounding: Rounding) -> Tensor:
    """Planes `(B, C, H, W)` through blocks, tables and rounding, and back."""
    height, width = planes.shape[-2:]
    basis, full = _cosines().to(planes), _filled(planes, 8)
    blocks = full.unfold(2, 8, 8).unfold(3, 8, 8)
    rounded = rounding(basis @ blocks @ basis.T / table) * table
    back = (basis.T @ rounded @ basis).movedim(-2, 3).reshape(full.shape)
    return back[..., :height, :width]


def _filled(planes: Tensor, multiple: int) -> Tensor:
    """Edges repeated until both sides are a multiple."""
    right, below = -planes.shape[-1] % multiple, -planes.shape[-2] % multiple
    return functional.pad(planes, (0, right, 0, below), mode="replicate")


def _luma_and_chroma(colours: Tensor) -> Tensor:
    shift = torch.tensor([-128.0, 0.0, 0.0]).to(colours)
    return torch.einsum("oc,bchw->bohw", _YCBCR.to(colours), colours) + shift[:, None, None]


def _colours(planes: Tensor) -> Tensor:
    shift = torch.tensor([128.0, 0.0, 0.0]).to(planes)
    return torch.einsum("oc,bchw->bohw", _YCBCR.inverse().to(planes), planes + shift[:, None, None])


@cache
def _cosines() -> Tensor:
    """The orthogonal cosine transform of 8 numbers."""
    places = torch.arange(8, dtype=torch.float64)
    basis = torch.cos((2 * places + 1) * places[:, None] * torch.pi / 16) / 2
    basis[0] /= 2**0.5
    return basis


def _table(table: Tensor, quality: float | Tensor, like: Tensor) -> Tensor:
    """A table as libjpeg scales it, `(1 | B, 1, 1, 1, 8, 8)`."""
    each = torch.as_tensor(quality, dtype=torch.float64).reshape(-1, 1, 1, 1, 1, 1)
    scale = torch.where(each < 50, 5000 / each, 200 - 2 * each)
    return ((table * scale + 50) / 100).floor().clamp(1, 255).to(like)


_YCBCR = torch.tensor(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], dtype=torch.float64
)
_LUMA = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
_CHROMA = torch.tensor(
    [
        [17, 18, 24, 47, 99, 99, 99, 99],
        [18, 21, 26, 66, 99, 99, 99, 99],
        [24, 26, 56, 99, 99, 99, 99, 99],
        [47, 66, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
    ]
)
