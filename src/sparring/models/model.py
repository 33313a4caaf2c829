"""The model as everything else sees it: inputs (B, *shape) in the range of the data in, logits (B, C) out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from sparring.models.outputs import adapter
from sparring.models.remote.target import Remote

__all__ = ["Model"]


class Model(nn.Module):
    """A user's model with an adapter behind it. The user's own object is held, never copied, moved or
    changed.

    Args:
        function: The user's module or callable.
        name: Short, for reports.
        source: Where it came from.
        digest: SHA-256 of its files, or of its parameters and buffers; None if it has none.
        outputs: Which adapter of `sparring.models.outputs` turns its answers into logits.
        gradients: Whether gradients reach the inputs.
        stops: What stops gradients and can be got past by `straight_through`; None if nothing can get past.
        randomised: Whether two calls on equal inputs differ; known after `look`.
        notes: What was found or assumed, a sentence each.
        recipe: What `load_model` was given, if it can make the same model again in another process.

    Attributes:
        padded: Whether batches may be filled up to a canonical number of rows; not where each row is paid for.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str,
        source: str,
        digest: str | None = None,
        outputs: str = "auto",
        gradients: bool = True,
        stops: frozenset[str] | None = None,
        randomised: bool = False,
        notes: tuple[str, ...] = (),
        recipe: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.function = function
        self.name = name
        self.source = source
        self.digest = digest
        self.outputs = outputs
        self.gradients = gradients
        self.stops = stops
        self.randomised = randomised
        self.notes = notes
        self.recipe = recipe
        self.adapt = adapter(outputs)
        self.padded = not any(isinstance(module, Remote) for module in self.modules())

    @property
    def scores(self) -> bool:
        """Whether answers tell more than the class."""
        return not self.outputs.startswith("labels")

    def forward(self, inputs: torch.Tensor) -> Any:
        return self.adapt(self.function(inputs))

    @property
    def device(self) -> torch.device:
        """Where inputs must be: the device of the first parameter or buffer."""
        first = next(self.parameters(), next(self.buffers(), None))
        return torch.device("cpu") if first is None else first.device

    def having(self, **changes: Any) -> Model:
        """A model with some fields changed, around the same function unless another is given."""
        fields = (
            "name", "source", "digest", "outputs", "gradients", "stops", "randomised", "notes", "recipe",
        )  # fmt: skip
        kept = {field: getattr(self, field) for field in fields}
        return Model(**{"function": self.function, **kept, **changes})
