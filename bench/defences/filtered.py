"""Images sent through Pillow before they are classified: no gradient comes back."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from defences.defence import Defence, colours, straight_through

__all__ = ["jpeg", "median"]

CIFAR = "cifar10/test_lossless_500.npz"
QUALITY = 75


def jpeg() -> Defence:
    """Written as JPEG and read again (Guo et al. 2018, https://arxiv.org/abs/1711.00117)."""
    return _through_pillow("JPEG, Pillow", _compressed)


def median() -> Defence:
    """Each pixel the median of nine (Xu et al. 2018, https://arxiv.org/abs/1704.01155)."""
    return _through_pillow("median filter", lambda image: image.filter(ImageFilter.MedianFilter(3)))


def _through_pillow(name: str, edit: Callable[[Image.Image], Image.Image]) -> Defence:
    net = colours()

    def edited(inputs: Tensor) -> Tensor:
        pixels = (inputs.detach() * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        images = [np.asarray(edit(Image.fromarray(each))) for each in pixels]
        return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).to(inputs.device) / 255

    through = straight_through(edited)
    return Defence(
        name,
        lambda inputs: net(edited(inputs)),
        (lambda inputs: net(through(inputs)), net),
        data=CIFAR,
        eps=8 / 255,
    )


def _compressed(image: Image.Image) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return Image.open(file)
