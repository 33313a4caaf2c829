"""Train the two nets of ``sparring demo`` and write their weights, in a few minutes on one core.

    python demo/train.py

The plain net sees clean images. The robust one sees, in every step, what PGD makes of them within linf:0.3
(Madry et al. 2018, https://arxiv.org/abs/1706.06083); its eps grows over the first epochs, because at the
full eps a fresh net learns nothing. 4,000 images are few, so both see each one shifted by up to two pixels.
"""

import time
from collections.abc import Callable
from functools import partial

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from sparring.demo.nets import FOLDER, build, images, training_images

EPS = 0.3
BATCH = 100

Perturb = Callable[[nn.Module, Tensor, Tensor, float], Tensor]


def pgd(net: nn.Module, inputs: Tensor, labels: Tensor, eps: float, *, steps: int, reach: float) -> Tensor:
    """Climb the loss from a random start; all steps together may go `reach` times eps far."""
    low, high = (inputs - eps).clamp(min=0), (inputs + eps).clamp(max=1)
    point = low + (high - low) * torch.rand_like(inputs)
    for _ in range(steps):
        point.requires_grad_()
        (gradient,) = torch.autograd.grad(cross_entropy(net(point), labels), point)
        point = (point.detach() + reach * eps / steps * gradient.sign()).clamp(low, high)
    return point


def clean(net: nn.Module, inputs: Tensor, labels: Tensor, eps: float) -> Tensor:
    """Leave the images as they are."""
    return inputs


def shifted(inputs: Tensor, most: int = 2) -> Tensor:
    """Move each image `(B, 1, 28, 28)` by up to `most` pixels each way, filling with black."""
    count, _, height, width = inputs.shape
    rows = torch.randint(2 * most + 1, (count, 1, 1)) + torch.arange(height)[:, None]
    columns = torch.randint(2 * most + 1, (count, 1, 1)) + torch.arange(width)
    return pad(inputs, (most,) * 4)[torch.arange(count)[:, None, None], 0, rows, columns].unsqueeze(1)


def train(perturb: Perturb, epochs: int = 120, seed: int = 0) -> nn.Sequential:
    """A net fitted to shifted and perturbed training images."""
    torch.manual_seed(seed)
    net, (inputs, labels) = build(), training_images()
    optimizer = torch.optim.Adam(net.parameters())
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * len(inputs) // BATCH)
    for epoch in range(epochs):
        eps = EPS * min(1, (epoch + 1) / (0.3 * epochs))
        for batch in torch.randperm(len(inputs)).split(BATCH):
            seen = perturb(net, shifted(inputs[batch]), labels[batch], eps)
            optimizer.zero_grad()
            cross_entropy(net(seen), labels[batch]).backward()
            optimizer.step()
            rate.step()
    return net


def correct(net: nn.Module, perturb: Perturb) -> int:
    """How many of the 1,000 held-out images the net gets right once they are perturbed."""
    inputs, labels = images()
    return int((net(perturb(net, inputs, labels, EPS)).argmax(1) == labels).sum())


def main() -> None:
    """Train, write and measure both nets."""
    torch.set_num_threads(1)
    recipes: dict[str, Perturb] = {"plain": clean, "robust": partial(pgd, steps=7, reach=1.5)}
    strong = partial(pgd, steps=40, reach=2.5)
    for name, perturb in recipes.items():
        began = time.perf_counter()
        net = train(perturb)
        seconds = time.perf_counter() - began
        save_file(net.state_dict(), FOLDER / f"{name}.safetensors")
        print(
            f"{name}: {seconds:.0f} s; of 1000 held-out images {correct(net, clean)} right, "
            f"{correct(net, strong)} under PGD-40 at linf:{EPS}"
        )


if __name__ == "__main__":
    main()
