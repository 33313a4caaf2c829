"""Defences by name, for the command line: `jpeg:75`, `bits:3`, `resize-pad`."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from sparring.defences.chances import CropRescale, GaussianNoise, RandomMix, RandomResizePad
from sparring.defences.fixed import JPEG, BitDepth, GaussianFilter, MedianFilter, TotalVariation
from sparring.defences.local_gradients import LocalGradients
from sparring.defences.several import NoiseVote, ViewVote
from sparring.errors import UsageError, nearest

__all__ = ["DEFENCES", "defended"]


def _before(edit: Callable[[float], nn.Module]) -> Callable[[nn.Module, float], nn.Module]:
    return lambda model, number: nn.Sequential(edit(number), model)


def _views(model: nn.Module, number: float) -> nn.Module:
    return ViewVote(model, [nn.Identity(), BitDepth(_whole(number)), MedianFilter(3)])


DEFENCES: dict[str, tuple[float, Callable[[nn.Module, float], nn.Module]]] = {
    "bits": (3, _before(lambda number: BitDepth(_whole(number)))),
    "jpeg": (75, _before(lambda number: JPEG(_whole(number)))),
    "median": (3, _before(lambda number: MedianFilter(_whole(number)))),
    "gaussian": (1.0, _before(GaussianFilter)),
    "local-gradients": (2.3, _before(LocalGradients)),
    "tv": (0.05, _before(TotalVariation)),
    "resize-pad": (0.8, _before(RandomResizePad)),
    "crop": (0.8, _before(CropRescale)),
    "noise": (0.1, _before(GaussianNoise)),
    "mix": (3, _before(lambda number: RandomMix(most=_whole(number)))),
    "views": (4, _views),
    "smoothing": (0.1, NoiseVote),
}
"""The number that stands behind the colon, if none is given, and what makes the defended model of it."""


def defended(model: nn.Module, word: str) -> nn.Module:
    """The model behind a defence.

    Raises:
        UsageError: There is no such defence, or its number makes no sense.

    >>> defended(nn.Identity(), "jpeg:50")[0].quality
    50
    """
    name, _, number = word.strip().lower().partition(":")
    if name not in DEFENCES:
        raise UsageError(f"unknown defence {name!r}; {nearest(name, DEFENCES)}")
    usual, make = DEFENCES[name]
    try:
        return make(model, float(number) if number else usual)
    except ValueError:
        raise UsageError(
            f"what stands behind {name}: must be a number, such as {name}:{usual:g}, not {number!r}"
        ) from None


def _whole(number: float) -> int:
    if number != int(number):
        raise UsageError(f"a whole number is needed there, not {number:g}")
    return int(number)
