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
        measure: Of held-out samples, before the first epoch and after every one.
        patience: Ends the training when the score on held-out samples did not rise for so many epochs.
        remedy: The objective that takes over, from the best weights, if robust accuracy collapses while the loss falls
            (catastrophic overfitting, of which training with single steps is in danger). Without one the training ends.
        extra: Share of each minibatch that is drawn from extra samples, if there are any.

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
    patience: int | None = None
    remedy: Objective | None = None
    extra: float = 0.5

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.minibatch < 1:
            raise UsageError(
                f"training needs at least 1 epoch and 1 sample per update, but got {self.epochs} and {self.minibatch}"
            )
        if self.patience is not None and self.patience < 1:
            raise UsageError(f"patience is a number of epochs, at least 1, but got {self.patience}")
        if not 0 <= self.extra < 1:
            raise UsageError(f"extra is a share from 0 to below 1, but got {self.extra:g}")
        if self.averaging is not None and not 0 < self.averaging < 1:
            raise UsageError(
                f"averaging keeps a share between 0 and 1 of the average, 0.999 say; got {self.averaging:g}"
            )
