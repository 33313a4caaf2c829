"""A model at which the user says stop."""

from __future__ import annotations

import torch

__all__ = ["Interrupts"]


class Interrupts(torch.nn.Module):
    """A model that raises KeyboardInterrupt when it is asked for the `after`-th time; -1 only counts, downwards."""

    def __init__(self, inner, after):
        super().__init__()
        self.inner, self.after = inner, after

    def forward(self, inputs):
        self.after -= 1
        if self.after == 0:
            raise KeyboardInterrupt
        return self.inner(inputs)
