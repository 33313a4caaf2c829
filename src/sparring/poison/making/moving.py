"""Moving samples a little, all together, so that something that depends on all of them gets smaller."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sparring.threat import Threat

__all__ = ["moved"]


def moved(
    bases: Tensor, start: Tensor, threat: Threat, slope: Callable[[Tensor], Tensor], steps: int
) -> Tensor:
    """Adam within a threat of one size, with steps that fall from a fifth of it to a twentieth of that.

    All samples move together, so this is no attack of the engine's kind.

    Args:
        bases: (K, *shape), what the change is measured from.
        start: (K, *shape), where they start.
        threat: Bound to `bases`.
        slope: From samples (K, *shape), which have gradients, to the direction to go against, alike.
        steps: How many; each costs what `slope` costs.
    """
    points = threat.project(start, bases).requires_grad_(True)
    optimiser = torch.optim.Adam([points], lr=float(threat.eps) / 5)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, steps)
    for _ in range(steps):
        points.grad = slope(points)
        optimiser.step()
        schedule.step()
        points.data = threat.project(points.data, bases)
    return points.detach()
