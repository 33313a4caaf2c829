"""Bridges over a cut: values that were computed out of autograd's sight get the gradient of what they were made from.

What happened in between is unknown, so it is guessed from the shapes: a copy, another view, another size, or, for
channels made of channels (a thermometer code), the linear map that explains them best.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

__all__ = ["bridge"]


def bridge(values: Tensor, source: Tensor) -> Tensor | None:
    """`values` `(N, ...)`, to the last bit, with the gradient of a guess at how `source` became them.

    None if no guess fits: `source` `(N, ...)` must have as many numbers, or be an image when `values` are.
    """
    guess = _guess(values.detach(), source.to(values.dtype))
    return None if guess is None else values + (guess - guess.detach())


def _guess(values: Tensor, source: Tensor) -> Tensor | None:
    if values.shape == source.shape:
        return source
    if values.numel() == source.numel():
        return source.reshape(values.shape)
    if values.ndim != 4 or source.ndim != 4 or len(values) != len(source):
        return None
    if values.shape[2:] != source.shape[2:]:
        source = interpolate(source, values.shape[2:], mode="bilinear", align_corners=False)
    return source if values.shape[1] == source.shape[1] else _mixed(values, source)


def _mixed(values: Tensor, source: Tensor) -> Tensor:
    """Channels `(N, C, H, W)` as the affine mixture, fitted to these values, of the channels of `source`."""
    known = source.detach().movedim(1, -1).reshape(-1, source.shape[1]).double()
    known = torch.cat([known, torch.ones_like(known[:, :1])], 1)
    wanted = values.movedim(1, -1).reshape(-1, values.shape[1]).double()
    # through the normal equations, a little damped: constant channels must not blow up
    square = known.T @ known
    damped = square + 1e-6 * square.diagonal().mean() * torch.eye(
        len(square), dtype=square.dtype, device=square.device
    )
    weights = torch.linalg.solve(damped, known.T @ wanted)[:-1].to(values.dtype)
    return torch.einsum("nchw,ck->nkhw", source, weights)
