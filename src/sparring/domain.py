"""What the data are: the range of each coordinate, its step, the shape of a sample.

`B` is the number of samples. Bounds belong to the data, never to a threat.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.columns import Columns
from sparring.errors import DataError

__all__ = ["GREY_LEVEL", "Domain"]

GREY_LEVEL = 1 / 255
"""The step of 8-bit images, which always live in [0, 1]."""


@dataclass(frozen=True, eq=False)
class Domain:
    """The set in which samples live, clean or adversarial.

    Args:
        low: Smallest value; a float, or a tensor that broadcasts against one sample.
        high: Largest value, likewise.
        step: Distance between neighbouring values (1/255 for 8-bit images), None if they are continuous.
        shape: Shape of one sample.
        columns: Of a table, whose samples and bounds are in units of scale.
        observed: Whether the range is only what was seen in some samples.

    Raises:
        DataError: If a range is empty, not finite, or does not fit the shape.
    """

    low: float | Tensor
    high: float | Tensor
    step: float | None
    shape: tuple[int, ...]
    columns: Columns | None = None
    observed: bool = False

    def __post_init__(self) -> None:
        low, high = torch.as_tensor(self.low), torch.as_tensor(self.high)
        for bound in (low, high):
            if not _fits(bound.shape, self.shape):
                raise DataError(
                    f"bounds of shape {tuple(bound.shape)} do not fit samples of shape {self.shape}"
                )
            if not bound.isfinite().all():
                raise DataError("the bounds of a domain must be finite numbers")
        if (low > high).any():
            raise DataError("the low bound of a domain lies above its high bound; exchange them")
        if self.step is not None and not self.step > 0:
            raise DataError(
                f"the step of a domain must be positive, got {self.step}; use None for continuous data"
            )

    @property
    def is_table(self) -> bool:
        """Whether samples are rows of a table, one value per column."""
        return len(self.shape) == 1

    @property
    def is_image(self) -> bool:
        """Whether samples are images, channels first: (1 | 3 | 4, height, width)."""
        return len(self.shape) == 3 and self.shape[0] in (1, 3, 4)

    def contains(self, inputs: Tensor) -> Tensor:
        """Say which of `inputs` (B, *shape) lie in range, bounds included: (B,) bool. NaN lies in none."""
        low = torch.as_tensor(self.low, device=inputs.device)
        high = torch.as_tensor(self.high, device=inputs.device)
        return ((inputs >= low) & (inputs <= high)).flatten(1).all(1)


def _fits(bound: torch.Size, shape: tuple[int, ...]) -> bool:
    """Whether a bound broadcasts against one sample without growing it."""
    padded = (1,) * (len(shape) - len(bound)) + tuple(bound)
    return len(padded) == len(shape) and all(b in (1, s) for b, s in zip(padded, shape, strict=True))
