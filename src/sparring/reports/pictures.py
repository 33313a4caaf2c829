"""Pictures as data URIs: an input, a change made visible, an adversarial input."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

__all__ = ["SHOWN", "Picture", "change", "loudness", "picture"]

SHOWN = 128
"""The longest side on the page, in CSS pixels."""

REACH = 0.35
"""How far from middle grey the strongest change is drawn: clear, and not yet black, white or garish."""


@dataclass(frozen=True)
class Picture:
    """A PNG and the size it is shown at; `pixelated` if it is blown up by a whole factor."""

    uri: str
    width: int
    height: int
    pixelated: bool


def picture(image: Tensor, side: int) -> Picture:
    """`image` (1 | 3, height, width) in [0, 1], at most `side` pixels a side; small ones stay as they are."""
    return _picture(image, side, Image.Resampling.BOX)


def change(original: Tensor, adversarial: Tensor, side: int) -> Picture:
    """What was changed, made `loudness` times stronger; middle grey is no change."""
    delta = (adversarial - original) * loudness(original, adversarial)
    # neighbouring changes of opposite sign would average to grey, so pixels are picked and not mixed
    return _picture(0.5 + delta, side, Image.Resampling.NEAREST)


def loudness(original: Tensor, adversarial: Tensor) -> int:
    """The greatest whole factor from 1 to 999 that takes no change further than `REACH` from grey."""
    largest = float((adversarial - original).abs().max())
    return max(1, min(999, int(REACH / largest + 1e-3))) if largest > 0 else 1


def _picture(image: Tensor, side: int, resampling: Image.Resampling) -> Picture:
    levels = (image.clamp(0, 1) * 255).round().byte().numpy()
    drawn = Image.fromarray(levels[0] if len(levels) == 1 else np.moveaxis(levels, 0, 2).copy())
    longest = max(drawn.size)
    if longest > side:
        drawn = drawn.resize(_scaled(drawn.size, side / longest), resampling)
    factor = max(1, SHOWN // longest) if longest <= SHOWN else SHOWN / longest
    width, height = _scaled((image.shape[2], image.shape[1]), factor)
    return Picture(_uri(drawn), width, height, pixelated=longest <= SHOWN)


def _scaled(size: tuple[int, int], factor: float) -> tuple[int, int]:
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _uri(drawn: Image.Image) -> str:
    target = io.BytesIO()
    drawn.save(target, format="PNG")
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode("ascii")
