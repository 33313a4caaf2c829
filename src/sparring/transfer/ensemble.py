"""Several surrogates as one: the plain mean of what they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

__all__ = ["Ensemble"]


class Ensemble(nn.Module):
    """The mean of the logarithms of the members' probabilities.

    Logits of different nets are of different size; their log-probabilities are comparable, and for one member the
    classes keep their order. Cleverer mixtures do not beat the mean at equal cost (the survey's table of SVRE, AdaEA,
    CWA: https://github.com/Trustworthy-AI-Group/TransferAttack).

    Args:
        members: From inputs `(N, *shape)` to logits `(N, C)`, all of the same classes.
    """

    def __init__(self, members: Sequence[Callable[[Tensor], Tensor]]) -> None:
        super().__init__()
        self.members = list(members)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.stack([member(inputs).log_softmax(-1) for member in self.members]).mean(0)
