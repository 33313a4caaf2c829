"""Samples seen a little differently in every epoch; each row draws for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from sparring.draws import Draws
from sparring.tensors import pick

__all__ = ["Augment", "Mirrored", "Shifted"]


class Augment(Protocol):
    """Changed inputs, like `inputs` `(B, *shape)`."""

    def __call__(self, inputs: Tensor, draws: Draws) -> Tensor: ...


@dataclass(frozen=True)
class Shifted:
    """Move each image `(B, C, H, W)` by up to `most` pixels each way, and fill up with zeros."""

    most: int = 4

    def __call__(self, inputs: Tensor, draws: Draws) -> Tensor:
        count, channels, height, width = inputs.shape
        choices = (draws.uniform(inputs.new_empty(count, 2)) * (2 * self.most + 1)).long()
        rows = choices[:, :1] + torch.arange(height, device=inputs.device)
        columns = choices[:, 1:] + torch.arange(width, device=inputs.device)
        sample = torch.arange(count, device=inputs.device)[:, None, None, None]
        channel = torch.arange(channels, device=inputs.device)[:, None, None]
        return pad(inputs, (self.most,) * 4)[sample, channel, rows[:, None, :, None], columns[:, None, None]]


@dataclass(frozen=True)
class Mirrored:
    """Exchange left and right in every other image, after what `then` does."""

    then: Augment | None = None

    def __call__(self, inputs: Tensor, draws: Draws) -> Tensor:
        inputs = inputs if self.then is None else self.then(inputs, draws)
        chosen = draws.signs(inputs.new_empty(len(inputs), 1), draw=1)[:, 0] > 0
        return pick(chosen, inputs.flip(-1), inputs)
