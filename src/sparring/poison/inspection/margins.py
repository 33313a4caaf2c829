"""How far a class can be in front of all others, anywhere: MM-BD (Wang et al. 2024, https://arxiv.org/abs/2205.06900)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sparring.domain import Domain

__all__ = ["largest_margins"]


def largest_margins(
    model: Callable[[Tensor], Tensor],
    domain: Domain,
    classes: int,
    starts: int = 8,
    steps: int = 100,
    seed: int = 0,
) -> Tensor:
    """The largest margin of each class over all inputs that the domain allows: (C,), in the units of the logits.

    A backdoor of any kind makes a class win by far somewhere, so the target stands out. No data are needed. Adam
    climbs from random points, as logits are smooth but have flat places; the paper uses plain gradient ascent.

    Cost: `classes * starts * steps` forwards and backwards.

    Args:
        model: Gives logits (B, C).
        domain: Of its inputs.
        classes: C.
        starts: Climbs per class, of which the highest counts.
        steps: Of each climb.
        seed: Of the starts.
    """
    low, high = (torch.as_tensor(end, dtype=torch.float32) for end in (domain.low, domain.high))
    aims = torch.arange(classes).repeat_interleave(starts)
    draws = torch.Generator().manual_seed(seed)
    points = low + (high - low) * torch.rand(len(aims), *domain.shape, generator=draws)
    span = (high - low).expand(domain.shape)
    moves = ((points - low) / span.clamp_min(1e-12)).requires_grad_(True)
    climber = torch.optim.Adam([moves], lr=0.05, maximize=True)
    for _ in range(steps):
        [slope] = torch.autograd.grad(_margins(model(low + moves * span), aims).sum(), moves)
        moves.grad = slope
        climber.step()
        with torch.no_grad():
            moves.clamp_(0, 1)
    with torch.no_grad():
        return _margins(model(low + moves * span), aims).reshape(classes, starts).amax(1)


def _margins(logits: Tensor, aims: Tensor) -> Tensor:
    """By how much the aimed class leads the next one: (B,)."""
    own = logits.gather(1, aims[:, None])[:, 0]
    return own - logits.scatter(1, aims[:, None], -torch.inf).amax(1)
