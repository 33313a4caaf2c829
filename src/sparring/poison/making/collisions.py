"""Clean-label poison against one chosen sample, where only the head of a model is trained again."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sparring.domain import GREY_LEVEL, Domain
from sparring.poison.making.moving import moved
from sparring.threat import Grid, Linf

__all__ = ["bullseye", "collide", "collision"]

STEPS = 120

Reach = Callable[[Tensor, Tensor], Tensor]
"""From features of poisons `(K, n)` and of the chosen sample `(n,)` to what is made small."""


def collision(poisons: Tensor, chosen: Tensor) -> Tensor:
    """Each poison comes near the sample (Feature Collision: Shafahi et al. 2018, https://arxiv.org/abs/1804.00792)."""
    return (poisons - chosen).square().sum(1).mean() / chosen.square().sum()


def bullseye(poisons: Tensor, chosen: Tensor) -> Tensor:
    """Their mean comes near it (Bullseye Polytope: Aghakhani et al. 2021, https://arxiv.org/abs/2005.00191)."""
    return (poisons.mean(0) - chosen).square().sum() / chosen.square().sum()


def collide(
    features: Callable[[Tensor], Tensor],
    bases: Tensor,
    chosen: Tensor,
    domain: Domain,
    eps: float,
    reach: Reach = bullseye,
    steps: int = STEPS,
) -> Tensor:
    """Change samples a little, so that a head that learns them with their true labels takes `chosen` for one of them.

    Adam within Linf, as Bullseye Polytope does; the original of Feature Collision has a soft penalty instead of a
    bound.

    Args:
        features: What the head reads, (B, n), frozen.
        bases: (K, *shape), samples of the class that `chosen` shall get.
        chosen: (*shape), a sample that the poisoner will show later.
        domain: What the data are.
        eps: Most that a value may change.
        reach: `bullseye` or `collision`.
        steps: Each costs K forwards and K backwards.

    Returns:
        The poisons, like `bases`, on the grid of the data.
    """
    threat = Linf(eps).bind(bases, domain)
    aim = features(chosen[None]).detach()[0]
    poisons = moved(
        bases,
        bases,
        threat,
        lambda poisons: torch.autograd.grad(reach(features(poisons), aim), poisons)[0],
        steps,
    )
    return Grid(threat).render(poisons, bases) if domain.step == GREY_LEVEL else poisons
