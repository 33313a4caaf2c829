"""How a model is trained: everything that its weights depend on, but the samples and the seed."""

from __future__ import annotations

from dataclasses import dataclass, field

from sparring.errors import UsageError
from sparring.training.augment import Augment
from sparring.training.measures import Measure, clean_accuracy
from sparring.training.objectives import Objective, plain
from sparring.training.optimisers import Adam, Optimiser, Schedule, one_cycle

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """Settings of a training.

    Args:
        epochs: How often each sample is seen.
        minibatch: Samples that one update learns from; an epoch is cut into parts of nearly equal size, none larger.
        objective: The loss of each sample.
        optimiser: How weights move.
        schedule: Of the learning rate.
        augment: What is done to inputs first.
        averaging: If given, a running average of the weights is what comes out: each update keeps this share of it
            (less over the first updates).
        measure: Of held-out samples, after every epoch.

    Raises:
        UsageError: A number makes no sense.
    """

    epochs: int = 10
    minibatch: int = 128
    objective: Objective = plain
    optimiser: Optimiser = field(default_factory=Adam)
    schedule: Schedule = one_cycle
    augment: Augment | None = None
    averaging: float | None = None
    measure: Measure = clean_accuracy

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.minibatch < 1:
            raise UsageError(
                f"training needs at least 1 epoch and 1 sample per update, but got {self.epochs} and {self.minibatch}"
            )
        if self.averaging is not None and not 0 < self.averaging < 1:
            raise UsageError(
                f"averaging keeps a share between 0 and 1 of the average, 0.999 say; got {self.averaging:g}"
            )
