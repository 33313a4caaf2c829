"""What a threat is: the set of changes an attacker may make to an input.

A threat made by hand (`Linf(8 / 255)`) is a statement about data; `bind` ties it to samples, after which every
tensor in it has a row per sample and it knows the range of the data.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, Self

from torch import Tensor

from sparring.domain import Domain
from sparring.draws import Draws
from sparring.threat.box import Box

__all__ = ["Threat"]


class Threat(Protocol):
    """A set of allowed changes around `inputs` `(B, *shape)`; `eps` is its size in data units."""

    __dataclass_fields__: ClassVar[
        dict[str, Any]
    ]  # every threat is a dataclass, so that `replace` can resize it

    @property
    def eps(self) -> float | Tensor: ...

    @property
    def mask(self) -> Tensor | None:
        """True where a coordinate may change; None for everywhere."""
        ...

    @property
    def box(self) -> Box:
        """The range of the data."""
        ...

    @property
    def norm(self) -> str:
        """The short name under which users ask for it: `linf`, `l2`, ..."""
        ...

    def bind(self, inputs: Tensor, domain: Domain) -> Self:
        """The same threat with the range of the data and a row per sample.

        Raises:
            ThreatError: The size is not positive, larger than the data's range, or does not fit the shape.
        """
        ...

    def render(self, points: Tensor, inputs: Tensor) -> Tensor:
        """The input that the model is shown for `points`: the points themselves unless the threat transforms."""
        ...

    def project(self, points: Tensor, inputs: Tensor) -> Tensor:
        """The nearest points, in Euclidean distance, that are allowed and in the range of the data."""
        ...

    def sample(self, inputs: Tensor, draws: Draws) -> Tensor:
        """Random allowed points, one per row."""
        ...

    def steepest(self, gradient: Tensor, points: Tensor) -> Tensor:
        """The direction of length one, in this threat's norm, along which the loss rises fastest from `points`.

        Zero where the gradient is zero.
        """
        ...

    def distance(self, points: Tensor, inputs: Tensor) -> Tensor:
        """How far each point is from its input in this threat's norm, `(B,)`."""
        ...

    def contains(self, points: Tensor, inputs: Tensor, away: Tensor | None = None) -> Tensor:
        """Which points are allowed, `(B,)`, to within a millionth of the budget or of the data's range.

        Where their distances are known, `away` saves measuring them again.
        """
        ...
