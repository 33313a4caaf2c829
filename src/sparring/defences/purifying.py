"""Purification: something else cleans the input before the model sees it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sparring.errors import ModelError
from sparring.images import backwards_through

__all__ = ["Purified"]


class Purified(nn.Module):
    """From inputs to cleaned inputs of the same shape, by a net or function of yours.

    `sparring.images.train_denoiser` makes one; a diffusion model or a program outside of torch will do too.

    Args:
        purify: Cleans inputs `(B, *shape)`.
        stand_in: What its gradients are taken from, if its own are not exact or not there at all: any differentiable
            function of inputs, such as `lambda inputs: inputs`. Without, those of `purify`.
    """

    def __init__(
        self, purify: Callable[[Tensor], Tensor], stand_in: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        super().__init__()
        self.purify, self.stand_in = purify, stand_in
        self.way = (
            "climbs through the purifier itself" if stand_in is None else "climbs a stand-in for the purifier"
        )

    def forward(self, inputs: Tensor) -> Tensor:
        if self.stand_in is None:
            return self._checked(inputs, self.purify(inputs))
        values = self._checked(inputs, self.plain(inputs))
        if not (torch.is_grad_enabled() and inputs.requires_grad):
            return values
        return backwards_through(self.stand_in(inputs), values.detach())

    def plain(self, inputs: Tensor) -> Tensor:
        """What was given, as it is."""
        return self.purify(inputs)

    def _checked(self, inputs: Tensor, cleaned: Tensor) -> Tensor:
        if cleaned.shape != inputs.shape:
            raise ModelError(
                f"a purifier must keep the shape of its inputs, {tuple(inputs.shape)}, but returned "
                f"{tuple(cleaned.shape)}"
            )
        return cleaned
