"""Small nets on small images, different and alike enough for transfer."""

import torch
from torch import nn

from sparring.data import load_data
from sparring.models import load_model


def linear(seed, classes=4, side=8, flip=None):
    """A linear net whose weights are mostly shared between seeds, so that examples transfer."""
    shared = torch.Generator().manual_seed(99)
    own = torch.Generator().manual_seed(seed)
    size = 3 * side * side
    weight = torch.randn(classes, size, generator=shared) + 0.3 * torch.randn(classes, size, generator=own)
    net = nn.Linear(size, classes, bias=False)
    net.weight.data = weight if flip is None else weight[flip]
    return load_model(nn.Sequential(nn.Flatten(), net)).having(name=f"net-{seed}")


def samples(net, count=40, side=8):
    """8-bit images with the labels that `net` gives them."""
    inputs = torch.randint(
        0, 256, (count, 3, side, side), generator=torch.Generator().manual_seed(5), dtype=torch.uint8
    )
    with torch.no_grad():
        labels = net(inputs.float() / 255).argmax(1)
    return load_data((inputs, labels))
