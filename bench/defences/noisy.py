"""Answers that differ from call to call: the inputs or the scores are drawn anew each time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from defences import nets
from defences.defence import Defence, Look, averaged, colours, digits

__all__ = ["input_noise", "input_noise_in_colour", "logit_noise", "pruned", "resized"]

CIFAR = "cifar10/test_lossless_500.npz"


class Noisy(nn.Module):
    """Gaussian noise on the inputs."""

    def __init__(self, net: Look, sigma: float) -> None:
        super().__init__()
        self.net, self.sigma = net, sigma

    def forward(self, inputs: Tensor) -> Tensor:
        return self.net(inputs + self.sigma * torch.randn_like(inputs))


class ResizedAndPadded(nn.Module):
    """Scaled to a random size and put somewhere on a black ground (Xie et al. 2018).

    https://arxiv.org/abs/1711.01991. The paper enlarges; this net takes 32 pixels, so the image shrinks.
    """

    def __init__(self, smallest: int = 26) -> None:
        super().__init__()
        self.smallest = smallest

    def forward(self, inputs: Tensor) -> Tensor:
        side = inputs.shape[-1]
        size = int(torch.randint(self.smallest, side + 1, ()))
        top, left = (int(torch.randint(side - size + 1, ())) for _ in range(2))
        small = interpolate(inputs, size=(size, size), mode="bilinear", align_corners=False)
        return pad(small, (left, side - size - left, top, side - size - top))


class Pruned(nn.Module):
    """Stochastic activation pruning (Dhillon et al. 2018, https://arxiv.org/abs/1803.01442).

    As many draws as there are activations, each with a chance proportional to its size; what was never drawn
    becomes 0, and the rest is scaled up so that the mean stays.
    """

    def forward(self, activations: Tensor) -> Tensor:
        flat = activations.flatten(1)
        chance = flat.detach().abs() + 1e-12
        chance = chance / chance.sum(1, keepdim=True)
        drawn = torch.multinomial(chance, flat.shape[1], replacement=True)
        kept = torch.zeros_like(flat).scatter(1, drawn, 1.0)
        ever = 1 - (1 - chance) ** flat.shape[1]
        return (flat * kept / ever.clamp_min(1e-12)).view_as(activations)


def input_noise() -> Defence:
    """Noise on digits."""
    model = Noisy(digits(), 0.25)
    return Defence("noise on inputs", model, (averaged(model), digits()), randomised=True)


def input_noise_in_colour() -> Defence:
    """Noise on colour images."""
    net = colours()
    model = Noisy(net, 0.1)
    return Defence(
        "noise on inputs, CIFAR",
        model,
        (averaged(model), net),
        data=CIFAR,
        eps=8 / 255,
        randomised=True,
    )


def logit_noise() -> Defence:
    """Noise on the scores, so strong that a single answer is often wrong."""
    net = digits()
    model = lambda inputs: (logits := net(inputs)) + 4 * torch.randn_like(logits)  # noqa: E731
    return Defence("noise on logits", model, (net,), randomised=True)


def resized() -> Defence:
    """A random place and size for every batch."""
    net = colours()
    model = nn.Sequential(ResizedAndPadded(), net)
    return Defence(
        "resize and pad", model, (averaged(model, 20), net), data=CIFAR, eps=8 / 255, randomised=True
    )


def pruned() -> Defence:
    """After each activation of a plain net."""
    net = nets.loaded("plain", nets.digits())
    layers = [
        each for layer in net for each in ([layer, Pruned()] if isinstance(layer, nn.ReLU) else [layer])
    ]
    model = nn.Sequential(*layers)
    return Defence("stochastic pruning", model, (averaged(model), net), randomised=True)
