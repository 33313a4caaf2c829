"""What one update learns from."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from sparring.domain import Domain
from sparring.draws import Draws

__all__ = ["Minibatch"]


@dataclass(frozen=True)
class Minibatch:
    """Samples that one update learns from, or a part of them; every tensor has a row per sample.

    Args:
        inputs: `(B, *shape)`, augmented already.
        labels: `(B,)`.
        draws: The rows' own randomness, fresh in every epoch.
        domain: What the data are.
        done: Share of the training that is done, from 0 to 1.
    """

    inputs: Tensor
    labels: Tensor
    draws: Draws
    domain: Domain
    done: float
