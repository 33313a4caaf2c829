"""Edits of images `(B, C, H, W)` in [0, 1], once for all rooms; gradients pass through all of them but `jpeg`."""

from sparring.images.blurring import gaussian_blur, median_blur
from sparring.images.compression import jpeg, smooth_jpeg
from sparring.images.denoising import Denoiser, train_denoiser
from sparring.images.gradients import backwards_through
from sparring.images.placing import crop, place, resize
from sparring.images.rounding import fewer_bits
from sparring.images.variation import less_variation

__all__ = [
    "Denoiser",
    "backwards_through",
    "crop",
    "fewer_bits",
    "gaussian_blur",
    "jpeg",
    "less_variation",
    "median_blur",
    "place",
    "resize",
    "smooth_jpeg",
    "train_denoiser",
]
