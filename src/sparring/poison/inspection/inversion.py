"""The smallest trigger that opens each class: Neural Cleanse (Wang et al. 2019, https://doi.org/10.1109/SP.2019.00031)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from sparring.domain import Domain

__all__ = ["Inverted", "smallest_triggers"]

WANTED = 0.95
"""Share of the inputs that a trigger shall send to its class."""

WEIGHTS = (1e-3, 10.0)
"""Between which the weight of a trigger's size moves."""


@dataclass(frozen=True, eq=False)
class Inverted:
    """A trigger for each of C classes.

    Args:
        masks: (C, 1, *shape[1:]), from 0 to 1, for tables (C, n): how much of each place is replaced.
        patterns: (C, *shape), what is put there.
        opened: (C,), share of the inputs of other classes that it sends to the class.
    """

    masks: Tensor
    patterns: Tensor
    opened: Tensor

    @property
    def sizes(self) -> Tensor:
        """The sum of each mask, in pixels or features: (C,)."""
        return self.masks.flatten(1).sum(1)


def smallest_triggers(
    model: Callable[[Tensor], Tensor],
    inputs: Tensor,
    domain: Domain,
    classes: int,
    steps: int = 200,
    seed: int = 0,
) -> Inverted:
    """For each class, a mask and a pattern that send the inputs there, with as small a mask as can be found.

    A class that a small patch opens is the target of a backdoor, or has one by nature. All classes are searched at
    once. The weight of the size rises while the trigger opens enough and falls else, as in the authors' code; the
    smallest mask that opened enough is kept, or the one that opened most if none did.

    Cost: `classes * steps` forwards and backwards per input.

    Args:
        model: Gives logits (B, C).
        inputs: (B, *shape), clean; their classes are what the model answers.
        domain: Of the inputs.
        classes: C.
        steps: Of Adam.
        seed: Of the first masks and patterns.
    """
    draws = torch.Generator().manual_seed(seed)
    low, high = (torch.as_tensor(end, dtype=torch.float32) for end in (domain.low, domain.high))
    free = _first(domain.shape, classes, draws)
    aims = torch.arange(classes).repeat_interleave(len(inputs))
    with torch.no_grad():
        counted = (model(inputs).argmax(1).repeat(classes) != aims).reshape(classes, -1)
    climber = torch.optim.Adam(free, lr=0.1, betas=(0.5, 0.9))
    weights = torch.full((classes,), WEIGHTS[0])
    best, opened = [part.detach().sigmoid() for part in free], torch.zeros(classes)
    sizes = torch.full((classes,), torch.inf)
    for _ in range(steps):
        mask, pattern = (part.sigmoid() for part in free)
        logits = model(_put(inputs, mask, low + pattern * (high - low)))
        losses = cross_entropy(logits, aims, reduction="none").reshape(classes, -1)
        loss = (losses * counted).sum(1) / counted.sum(1).clamp_min(1)
        own = mask.flatten(1).sum(1)
        grads = torch.autograd.grad((loss + weights * own).sum(), free)
        share = ((logits.argmax(1) == aims).reshape(classes, -1) & counted).sum(1) / counted.sum(1).clamp_min(
            1
        )
        better = (share >= WANTED) & (own < sizes) | (sizes.isinf() & (share >= opened))
        sizes = torch.where((share >= WANTED) & (own < sizes), own.detach(), sizes)
        opened = torch.where(better, share, opened)
        for kept, now in zip(best, (mask, pattern), strict=True):
            kept[better] = now.detach()[better]
        weights = (weights * torch.where(share >= WANTED, 1.2, 1 / 1.5)).clamp(*WEIGHTS)
        for part, grad in zip(free, grads, strict=True):
            part.grad = grad
        climber.step()
    return Inverted(best[0], low + best[1] * (high - low), opened)


def _first(shape: tuple[int, ...], classes: int, draws: torch.Generator) -> list[Tensor]:
    """Masks, one for all channels, and patterns, both before the sigmoid that keeps them in range."""
    places = (1, *shape[1:]) if len(shape) == 3 else shape
    sizes = ((classes, *places), (classes, *shape))
    return [torch.randn(size, generator=draws).requires_grad_(True) for size in sizes]


def _put(inputs: Tensor, masks: Tensor, patterns: Tensor) -> Tensor:
    """Every input with every trigger, by trigger: (C * B, *shape)."""
    return (inputs + masks[:, None] * (patterns[:, None] - inputs)).flatten(0, 1)
