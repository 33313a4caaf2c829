"""A patch that keeps working after print, light and camera.

Its loss is the mean over draws of the channel: expectation over transformation (Athalye, Engstrom, Ilyas & Kwok 2018,
https://arxiv.org/abs/1707.07397) for one patch on many objects (Brown, Mané, Roy, Abadi & Gilmer 2017,
https://arxiv.org/abs/1712.09665), kept printable as by Sharif, Bhagavatula, Bauer & Reiter 2016
(https://doi.org/10.1145/2976749.2978392): total variation, and distance to a palette. One patch is shared by all rows,
so this is training, not the engine's search.

Deviations: Adam on the patch's values, which are put back into [0, 1] after every step; no rotation or place is drawn
beyond the channel's; the palette may be any, and the distance to its nearest colour takes the place of the product of
all distances, which vanishes beside many colours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sparring.draws import Draws, row_keys
from sparring.physical.channel.channel import Channel
from sparring.physical.scene.placement import Placement, place_patch
from sparring.physical.scene.stencil import shaped

__all__ = ["PatchAttack", "PatchProgress", "fit_patch", "reached"]

View = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True)
class PatchAttack:
    """How a patch is trained. Cost: `steps` times `looks` forwards and as many backwards.

    Attributes:
        steps: Updates of the patch.
        looks: Photos per step, each of an object drawn anew, under a draw of its own.
        step_size: Of Adam, in the range of the patch; falls to a tenth along half a cosine.
        smooth: Weight of the total variation, the mean difference of neighbouring features.
        palette: Colours `(K, 3)` that the printer can give, if the patch shall keep to them.
        printable: Weight of the mean distance to the nearest of them.
        shape: Which of the patch's features there are, `(down, across)` of ones and zeros; all without.
    """

    steps: int = 300
    looks: int = 32
    step_size: float = 0.05
    smooth: float = 0.1
    palette: Tensor | None = None
    printable: float = 1.0
    shape: Tensor | None = None


@dataclass(frozen=True)
class PatchProgress:
    """Where a training stands: steps done, of how many, and the share of the last photos that were a success."""

    step: int
    steps: int
    success: float


def fit_patch(
    model: Callable[[Tensor], Tensor],
    objects: tuple[Tensor, Tensor],
    placement: Placement,
    channel: Channel | None,
    *,
    target: int | None,
    size: int,
    attack: PatchAttack | None = None,
    begin: Tensor | None = None,
    seed: int = 0,
    progress: Callable[[PatchProgress], Any] = lambda progress: None,
) -> Tensor:
    """One patch `(3, down, across)` in [0, 1] for all objects; with its shape as a fourth channel if it has one.

    Args:
        model: Inputs `(B, 3, size, size)` in [0, 1] to logits `(B, C)`.
        objects: Pictures `(N, 1 | 3, H, W)` in [0, 1] and their classes `(N,)`.
        placement: Where the patch lies.
        channel: Between the print and the model; None trains without, on the digital picture.
        target: The class that must come out; None for any wrong one.
        size: Height and width of the model's inputs.
        attack: How; see `PatchAttack`.
        begin: A patch to go on from, `(3, down, across)`; grey with a little noise without.
        seed: Of all draws.
        progress: Told after every step.
    """
    attack, (inputs, labels) = attack or PatchAttack(), objects
    patch = (_first(placement, seed) if begin is None else begin[:3].clone()).requires_grad_()
    adam = torch.optim.Adam([patch], attack.step_size)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, attack.steps, attack.step_size / 10)
    for step in range(attack.steps):
        keys = [f"step {step} look {look}" for look in range(attack.looks)]
        rows = _rows(len(inputs), keys, seed)
        pictures = place_patch(inputs[rows], shaped(patch, attack.shape), placement)
        seen = (
            functional.adaptive_avg_pool2d(pictures, size)
            if channel is None
            else channel.through(pictures, keys)
        )
        outputs = model(seen)
        loss = _pull(outputs, labels[rows], target) + _unprintable(patch, attack)
        (patch.grad,) = torch.autograd.grad(loss, patch)
        adam.step()
        fall.step()
        patch.data.clamp_(0, 1)
        progress(
            PatchProgress(
                step + 1, attack.steps, reached(outputs, labels[rows], target).float().mean().item()
            )
        )
    return shaped(patch.detach(), attack.shape)


def reached(outputs: Tensor, labels: Tensor, target: int | None) -> Tensor:
    """Which answers `(B, C)` are what the attacker wants: the target, or any class but the true one."""
    answers = outputs.argmax(1)
    return answers != labels if target is None else answers == target


def _first(placement: Placement, seed: int) -> Tensor:
    """Grey, and a little noise."""
    like = torch.empty(1, 3, *placement.features)
    return 0.5 + 0.1 * (Draws(row_keys(seed, ["patch"], "physical")).uniform(like)[0] - 0.5)


def _rows(count: int, keys: list[str], seed: int) -> Tensor:
    """Which object each look is at."""
    drawn = Draws(row_keys(seed, keys, "object")).uniform(torch.empty(len(keys), 1))
    return (drawn[:, 0] * count).long().clamp(max=count - 1)


def _pull(outputs: Tensor, labels: Tensor, target: int | None) -> Tensor:
    if target is None:
        return -functional.cross_entropy(outputs, labels)
    return functional.cross_entropy(outputs, torch.full_like(labels, target))


def _unprintable(patch: Tensor, attack: PatchAttack) -> Tensor:
    """What the weights make of roughness and of colours that the printer does not have."""
    rough = sum(
        (patch.diff(dim=axis).abs().mean() for axis in (1, 2) if patch.shape[axis] > 1), patch.new_zeros(())
    )
    cost = attack.smooth * rough
    if attack.palette is None:
        return cost
    apart = torch.cdist(patch.flatten(1).T, attack.palette.to(patch))
    return cost + attack.printable * apart.amin(1).mean()
