"""What a run can be held against."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sparring.errors import UsageError

__all__ = ["Gates"]


@dataclass(frozen=True)
class Gates:
    """What is demanded.

    Args:
        min_robust_accuracy: The least robust accuracy.
        min_class_accuracy: The least robust accuracy of each class.
        max_drop: How far robust accuracy may be below the baseline's.
        level: Of each one-sided bound: 1 minus the chance of a wrong pass, and of a wrong fail.
        eps: At which size the curve of a run under `l2:min` and the like is read.

    Raises:
        UsageError: A demand can never be met, or makes no sense.
    """

    min_robust_accuracy: float | None = None
    min_class_accuracy: float | None = None
    max_drop: float | None = None
    level: float = 0.95
    eps: float | None = None

    def __post_init__(self) -> None:
        for share in (self.min_robust_accuracy, self.min_class_accuracy):
            if share is not None and not 0 <= share <= 1:
                raise UsageError(
                    f"a minimum accuracy is a share from 0 to 1, for example 0.45; {share:g} can never be met"
                )
        if self.max_drop is not None and not 0 <= self.max_drop < 1:
            raise UsageError(
                f"a maximum drop is a share from 0 to below 1, for example 0.02 for 2 points; got {self.max_drop:g}"
            )
        if not 0.5 < self.level < 1:
            raise UsageError(
                f"the level is how sure a verdict must be, between 0.5 and 1, for example 0.95; got {self.level:g}"
            )
        if self.eps is not None and not 0 < self.eps < math.inf:
            raise UsageError(
                f"the eps of a gate is a positive number, for example 0.5 or 8/255; got {self.eps:g}"
            )

    @property
    def demands(self) -> dict[str, float]:
        """The gates that are set."""
        names = ("min_robust_accuracy", "min_class_accuracy", "max_drop")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def check(self, baseline: object = None) -> None:
        """Refuse gates that cannot be judged.

        Raises:
            UsageError: No gate is set, or one of drop and baseline is missing.
        """
        if self.max_drop is not None and baseline is None:
            raise UsageError("a maximum drop needs a baseline: a run folder or a baseline.json")
        if self.max_drop is None and baseline is not None:
            raise UsageError("a baseline needs a maximum drop, for example 0.02 for 2 points")
        if not self.demands:
            raise UsageError(
                "no gate is set; set a minimum robust accuracy, for example 0.45, or a maximum drop"
            )
