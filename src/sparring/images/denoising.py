"""A small net that takes noise off images, and its training."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["Denoiser", "train_denoiser"]


class Denoiser(nn.Module):
    """Convolutions that guess the noise in images `(B, C, H, W)` in [0, 1], and subtract it.

    In the manner of DnCNN (Zhang et al. 2017, https://arxiv.org/abs/1608.03981), smaller and without normalisation.

    Args:
        channels: Of the images.
        width: Channels in between.
        depth: Convolutions, at least 2.
    """

    def __init__(self, channels: int, width: int = 24, depth: int = 5) -> None:
        super().__init__()
        self.channels, self.width, self.depth = channels, width, depth
        ends = [channels, *[width] * (depth - 1), channels]
        layers: list[nn.Module] = []
        for before, after in pairwise(ends):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, inputs: Tensor) -> Tensor:
        denoised: Tensor = inputs - self.layers(inputs)
        return denoised


def train_denoiser(
    inputs: Tensor,
    sigma: float,
    *,
    width: int = 24,
    depth: int = 5,
    steps: int = 400,
    batch: int = 64,
    seed: int = 0,
    watch: Callable[[int, float], None] = lambda step, loss: None,
) -> Denoiser:
    """A denoiser for images like `inputs` `(N, C, H, W)` under normal noise of `sigma`.

    Adam on the mean squared error, with a learning rate that falls to zero. Cost: `steps * batch` forwards and
    backwards. The caller's random state is left as it was.

    Args:
        inputs: Clean images in [0, 1].
        sigma: Width of the noise.
        width: Of the net.
        depth: Of the net.
        steps: Of the training.
        batch: Images per step; here it does change the result.
        seed: Of weights, order and noise.
        watch: Told each step and its loss.
    """
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        net = Denoiser(inputs.shape[1], width, depth).to(inputs.device)
        descent = torch.optim.Adam(net.parameters(), 2e-3)
        falling = torch.optim.lr_scheduler.OneCycleLR(descent, 4e-3, total_steps=steps)
        for step in range(steps):
            clean = inputs[torch.randint(len(inputs), (batch,))]
            noisy = clean + sigma * torch.randn(clean.shape).to(clean)
            loss = (net(noisy) - clean).square().mean()
            descent.zero_grad()
            loss.backward()
            descent.step()
            falling.step()
            watch(step + 1, float(loss.detach()))
    return net.eval().requires_grad_(False)
