"""Images sent through Pillow before they are classified: no gradient comes back."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from defences.defence import Defence, averaged, colours, straight_through

__all__ = ["jpeg", "jpeg_of_random_quality", "median"]

CIFAR = "cifar10/test_lossless_500.npz"

Edit = Callable[[Image.Image], Image.Image]


def jpeg() -> Defence:
    """Written as JPEG and read again (Guo et al. 2018, https://arxiv.org/abs/1711.00117)."""
    return _through_pillow("JPEG, Pillow", lambda image: _compressed(image, 75))


def jpeg_of_random_quality() -> Defence:
    """Neither a gradient nor the same answer twice (Das et al. 2018, https://arxiv.org/abs/1802.06816)."""

    def edit(image: Image.Image) -> Image.Image:
        return _compressed(image, (90, 80, 70, 60)[int(torch.randint(4, ()))])

    return _through_pillow("JPEG, random quality", edit, randomised=True)


def median() -> Defence:
    """Each pixel the median of nine (Xu et al. 2018, https://arxiv.org/abs/1704.01155)."""
    return _through_pillow("median filter", lambda image: image.filter(ImageFilter.MedianFilter(3)))


def _through_pillow(name: str, edit: Edit, randomised: bool = False) -> Defence:
    net = colours()

    def edited(inputs: Tensor) -> Tensor:
        pixels = (inputs.detach() * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        images = [np.asarray(edit(Image.fromarray(each))) for each in pixels]
        return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).to(inputs.device) / 255

    through = straight_through(edited)

    def stand_in(inputs: Tensor) -> Tensor:
        return net(through(inputs))

    return Defence(
        name,
        lambda inputs: net(edited(inputs)),
        (averaged(stand_in) if randomised else stand_in, net),
        data=CIFAR,
        eps=8 / 255,
        randomised=randomised,
    )


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)
