"""A surrogate for other inputs or other classes than the target's, mapped as its owner states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from sparring.errors import UsageError
from sparring.images import resize
from sparring.models import Model

__all__ = ["class_order", "mapped"]


def mapped(
    surrogate: Model, *, size: int | None = None, scale: float = 1.0, order: Sequence[int] | None = None
) -> Model:
    """The surrogate as if it were made for the target's inputs and classes; gradients come back through.

    Args:
        surrogate: For inputs of its own size and range, and classes in its own order.
        size: Side in pixels that images `(N, C, H, W)` are resized to before it sees them; None for as they are.
        scale: What inputs are multiplied by: 255 for a model that takes grey levels.
        order: For each class of the samples its place among the surrogate's answers; None for the same order.

    Raises:
        UsageError: The size or the scale is not above zero.
    """
    if scale <= 0 or (size is not None and size < 1):
        raise UsageError(
            f"a surrogate's size and scale are above zero, but got size {size} and scale {scale:g}"
        )
    return surrogate.having(function=_Mapped(surrogate, size, scale, order), outputs="logits")


def class_order(wanted: Sequence[str], own: Sequence[str]) -> list[int]:
    """For each wanted class its place in a model's own list.

    Raises:
        UsageError: The model lacks a class.
    """
    places = {name: place for place, name in enumerate(own)}
    missing = [name for name in wanted if name not in places]
    if missing:
        raise UsageError(
            f"the surrogate's list of {len(own)} classes lacks {len(missing)} of those that the samples have, "
            f"{missing[0]!r} for one; both lists must use the same names"
        )
    return [places[name] for name in wanted]


class _Mapped(nn.Module):
    def __init__(
        self, model: Callable[[Tensor], Any], size: int | None, scale: float, order: Sequence[int] | None
    ) -> None:
        super().__init__()
        self.model, self.size, self.scale = model, size, scale
        self.order = None if order is None else list(order)

    def forward(self, inputs: Tensor) -> Any:
        inputs = self.scale * (inputs if self.size is None else resize(inputs, self.size, self.size))
        answers = self.model(inputs)
        return answers if self.order is None else answers[:, self.order]
