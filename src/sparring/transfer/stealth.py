"""How visible a change is, by measures that follow the eye more closely than a norm does."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["colour_difference", "structural_similarity"]


def structural_similarity(first: Tensor, second: Tensor) -> Tensor:
    """SSIM of images `(N, C, H, W)` in [0, 1], `(N,)`: 1 for equal ones.

    Wang, Bovik, Sheikh & Simoncelli 2004 (https://doi.org/10.1109/TIP.2003.819861): Gaussian window of 11 pixels,
    sigma 1.5, the mean over places where the window fits and over channels. Smaller images get a smaller window.
    """
    width = min(11, *(side - 1 + side % 2 for side in first.shape[2:]))
    place = torch.arange(width, dtype=first.dtype) - width // 2
    line = (-0.5 * (place / 1.5) ** 2).exp()
    window = (torch.outer(line, line) / line.sum() ** 2).expand(first.shape[1], 1, width, width)

    def local(values: Tensor) -> Tensor:
        return F.conv2d(values, window, groups=values.shape[1])

    mean_1, mean_2 = local(first), local(second)
    spread_1 = local(first * first) - mean_1**2
    spread_2 = local(second * second) - mean_2**2
    together = local(first * second) - mean_1 * mean_2
    light = (2 * mean_1 * mean_2 + 0.01**2) / (mean_1**2 + mean_2**2 + 0.01**2)
    structure = (2 * together + 0.03**2) / (spread_1 + spread_2 + 0.03**2)
    return (light * structure).flatten(1).mean(1)


def colour_difference(first: Tensor, second: Tensor) -> Tensor:
    """Mean CIEDE2000 difference of sRGB images `(N, 3, H, W)` in [0, 1], `(N,)`; about 1 is just visible.

    Sharma, Wu & Dalal 2005 (https://doi.org/10.1002/col.20070), D65 white, weights one. Grey images count as sRGB.
    """
    return ciede2000(_lab(first), _lab(second)).flatten(1).mean(1)


def ciede2000(lab_1: Tensor, lab_2: Tensor) -> Tensor:
    """The difference of CIELAB colours `(N, 3, ...)`, `(N, ...)`; names as in the paper."""
    l_1, a_1, b_1 = lab_1.double().unbind(1)
    l_2, a_2, b_2 = lab_2.double().unbind(1)
    c_bar = (torch.hypot(a_1, b_1) + torch.hypot(a_2, b_2)) / 2
    g = 0.5 * (1 - (c_bar**7 / (c_bar**7 + 25.0**7)).sqrt())
    a_1, a_2 = (1 + g) * a_1, (1 + g) * a_2
    c_1, c_2 = torch.hypot(a_1, b_1), torch.hypot(a_2, b_2)
    h_1, h_2 = _angle(b_1, a_1), _angle(b_2, a_2)
    colourless = c_1 * c_2 == 0
    turn = torch.where(colourless, 0.0, (h_2 - h_1 + 180) % 360 - 180)
    turn = torch.where((turn == -180) & (h_2 > h_1), 180.0, turn)
    d_h = 2 * (c_1 * c_2).sqrt() * _sin(turn / 2)
    far = (h_1 - h_2).abs() > 180
    h_bar = torch.where(colourless, h_1 + h_2, (h_1 + h_2) / 2)
    h_bar = torch.where(far & ~colourless, (h_bar + 180) % 360, h_bar)
    t = (
        1
        - 0.17 * _cos(h_bar - 30)
        + 0.24 * _cos(2 * h_bar)
        + 0.32 * _cos(3 * h_bar + 6)
        - 0.2 * _cos(4 * h_bar - 63)
    )
    l_bar, c_bar = (l_1 + l_2) / 2, (c_1 + c_2) / 2
    s_l = 1 + 0.015 * (l_bar - 50) ** 2 / (20 + (l_bar - 50) ** 2).sqrt()
    s_c, s_h = 1 + 0.045 * c_bar, 1 + 0.015 * c_bar * t
    rotation = -2 * (c_bar**7 / (c_bar**7 + 25.0**7)).sqrt() * _sin(60 * (-(((h_bar - 275) / 25) ** 2)).exp())
    lightness, chroma, hue = (l_2 - l_1) / s_l, (c_2 - c_1) / s_c, d_h / s_h
    return (lightness**2 + chroma**2 + hue**2 + rotation * chroma * hue).clamp_min(0).sqrt()


def _lab(images: Tensor) -> Tensor:
    """CIELAB of sRGB images, `(N, 3, H, W)`."""
    images = images.double().expand(-1, 3, -1, -1)
    linear = torch.where(images <= 0.04045, images / 12.92, ((images + 0.055) / 1.055) ** 2.4)
    to_xyz = torch.tensor(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ],
        dtype=torch.float64,
    )
    white = to_xyz.sum(1)
    xyz = torch.einsum("ij,njhw->nihw", to_xyz / white[:, None], linear)
    root = torch.where(
        xyz > (6 / 29) ** 3, xyz.clamp_min(1e-12) ** (1 / 3), xyz / (3 * (6 / 29) ** 2) + 4 / 29
    )
    x, y, z = root.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def _angle(y: Tensor, x: Tensor) -> Tensor:
    return torch.rad2deg(torch.atan2(y, x)) % 360


def _sin(degrees: Tensor) -> Tensor:
    return (degrees * math.pi / 180).sin()


def _cos(degrees: Tensor) -> Tensor:
    return (degrees * math.pi / 180).cos()
