"""How a training is computed: memory, precision, devices; not what is learned, though the last bits depend on it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparring.errors import UsageError

__all__ = ["Setup"]


@dataclass(frozen=True)
class Setup:
    """Settings of the machine.

    Args:
        batch: Most samples that are computed at once; a larger minibatch is added up from parts. Layers that look at
            the whole batch, such as batch-norm, look at each part.
        precision: Of heavy operations: float32 or bfloat16. Losses, weights and optimiser stay in float32.
        channels_last: Whether images lie in memory channel by channel (the usual way) or pixel by pixel, which tensor
            cores prefer.

    Raises:
        UsageError: A setting cannot be.
    """

    batch: int | None = None
    precision: torch.dtype = torch.float32
    channels_last: bool = False

    def __post_init__(self) -> None:
        if self.batch is not None and self.batch < 1:
            raise UsageError(f"at least 1 sample must be computed at once, but batch is {self.batch}")
        if self.precision not in (torch.float32, torch.bfloat16):
            raise UsageError(
                f"training is in float32 or bfloat16, not in {str(self.precision).removeprefix('torch.')}, "
                "whose gradients underflow"
            )

    def placed(self, model: nn.Module) -> nn.Module:
        """The model, laid out as asked for."""
        if not self.channels_last:
            return model
        return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's types

    def parts(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Rows that are computed together."""
        return rows.split(self.batch or len(rows))

    def casting(self, device: torch.device) -> torch.autocast:
        """A context in which heavy operations are in the lower precision."""
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.precision is torch.bfloat16)
