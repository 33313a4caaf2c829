"""The methods by name, each at a given cost: as many gradients per sample as are asked for, whatever it does a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from sparring.errors import UsageError, nearest
from sparring.transfer.backward_rules import Rule, attention_kept, relu_softened
from sparring.transfer.climb import Climb, relevance
from sparring.transfer.smoothing import blurred
from sparring.transfer.views import Admixed, Near, Paled, Resized, Shuffled, Spectral, View, chained

__all__ = ["METHODS", "Method", "Setting", "method_named"]

STEPS = 10
"""Steps of a method with views: what it may spend beyond goes into more views a step."""


@dataclass(frozen=True, eq=False)
class Setting:
    """What a method is made for.

    Args:
        gradients: How many a sample may cost.
        eps: The threat's size.
        pool: Images `(K, C, H, W)` that Admix adds.
    """

    gradients: int
    eps: float
    pool: Tensor

    @property
    def steps(self) -> int:
        """Of a method with views."""
        return min(STEPS, self.gradients)

    @property
    def copies(self) -> int:
        """Views at each step."""
        return self.gradients // self.steps


@dataclass(frozen=True)
class Method:
    """An attack made for a setting, and what is done to the surrogate's backward pass, if anything."""

    make: Callable[[Setting], Climb]
    rule: Rule | None = None


def _plain(setting: Setting, decay: float = 1.0) -> Climb:
    return Climb(setting.gradients, decay=decay)


def _viewed(setting: Setting, view: View) -> Climb:
    return Climb(setting.steps, setting.copies, view)


def _admixed(setting: Setting) -> Climb:
    return _viewed(setting, chained(Admixed(setting.pool), Paled()))


def _near(setting: Setting) -> Climb:
    copies = setting.copies
    return Climb(setting.steps, copies, Near(3.5 * setting.eps, copies), gather=relevance)


def _smoothed(setting: Setting) -> Climb:
    return Climb(setting.steps, setting.copies, Resized(), smooth=blurred(3))


METHODS: dict[str, Method] = {
    "i-fgsm": Method(partial(_plain, decay=0.0)),
    "mi": Method(_plain),
    "di": Method(partial(_viewed, view=Resized())),
    "di-ti": Method(_smoothed),
    "si": Method(partial(_viewed, view=Paled())),
    "admix": Method(_admixed),
    "ssm": Method(partial(_viewed, view=Spectral())),
    "bsr": Method(partial(_viewed, view=Shuffled())),
    "gra": Method(_near),
    "bpa": Method(_plain, relu_softened),
    "pna": Method(_plain, attention_kept),
    "ssm-di": Method(partial(_viewed, view=chained(Spectral(), Resized()))),
}
"""All but `i-fgsm` move with momentum. The names are the papers'; `ssm-di` is SSM seen through DI."""


def method_named(name: str) -> Method:
    """The method of that name.

    Raises:
        UsageError: There is none.
    """
    if name not in METHODS:
        raise UsageError(f"unknown transfer method {name!r}; {nearest(name, METHODS)}")
    return METHODS[name]
