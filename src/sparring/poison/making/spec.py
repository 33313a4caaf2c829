"""A poison, said completely: one definition of rate, target and trigger for all attacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from sparring.data import Samples
from sparring.errors import UsageError
from sparring.poison.making.relabelling import Relabelling
from sparring.poison.making.triggers import Trigger

__all__ = ["PoisonSpec", "unchanged"]


def unchanged(inputs: Tensor) -> Tensor:
    """The trigger of poisons that change labels only."""
    return inputs


@dataclass(frozen=True, eq=False)
class PoisonSpec:
    """Which samples are changed, how, and what for.

    Args:
        name: For reports.
        trigger: What wakes the backdoor when the model is used; `unchanged` if labels alone are changed.
        relabelling: Who may be poisoned, which labels they get, and what the model shall answer.
        rate: Poisoned samples as a share of the *whole* training set, covers not counted; literature that means a
            share of one class states larger figures for the same poison.
        covers: Further samples, as a share of the whole training set, that get the trigger and keep their label, so
            that the trigger alone is no feature of the target class (Qi et al. 2023,
            https://openreview.net/forum?id=_wSHsgrVali). Drawn from all classes.
        planted: What poisoned and cover samples get in training, given their places in the whole `(B,)`; without, the
            trigger itself.
        visible: Most that any value of an input may change, in units of the data; None for no bound.
        first: From samples to a number each (N,): those with the largest are poisoned; without, the choice is drawn.
        seed: Of the choice of samples.
    """

    name: str
    trigger: Trigger
    relabelling: Relabelling
    rate: float
    covers: float = 0.0
    planted: Callable[[Tensor, Tensor], Tensor] | None = None
    visible: float | None = None
    first: Callable[[Samples], Tensor] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise UsageError(
                f"a rate of poison is a share of the training set, above 0 and at most 1, got {self.rate}"
            )
        if not 0 <= self.covers <= 1 - self.rate:
            raise UsageError(
                f"covers are a share of the training set beside the poisoned {self.rate}, got {self.covers}"
            )

    def counts(self, samples: int) -> tuple[int, int]:
        """How many of so many samples are poisoned, and how many are covers.

        Raises:
            UsageError: The rate rounds to no sample at all.
        """
        poisoned = round(self.rate * samples)
        if poisoned == 0:
            raise UsageError(
                f"a rate of {self.rate:.3%} of {samples:,} samples is {self.rate * samples:.2f} samples, which rounds "
                f"to zero; ask for at least {1 / samples:.3%}"
            )
        return poisoned, round(self.covers * samples)
