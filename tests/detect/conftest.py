"""Four round clouds in the plane of 8 by 8 pictures, a net that tells them apart, and a detector for it."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from sparring.data import Samples, load_data
from sparring.detect import SCORES, Detector, View, fit_detector


@dataclass(frozen=True)
class Room:
    """A model, clean samples of one distribution, and a detector fitted on the first half of them."""

    model: Any
    samples: Samples
    detector: Detector

    @property
    def view(self):
        return View(self.model)

    @property
    def others(self):
        return self.samples.select(range(400, 460))


def clouds(count, seed):
    draws = torch.Generator().manual_seed(seed)
    labels = torch.randint(4, (count,), generator=draws)
    centres = (torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(7)) > 0.5).float() * 0.3 + 0.35
    inputs = (centres[labels] + 0.08 * torch.randn(count, 1, 8, 8, generator=draws)).clamp(0, 1)
    return inputs, labels


def trained(inputs, labels):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 4))
    descent = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(60):
        descent.zero_grad()
        nn.functional.cross_entropy(net(inputs), labels).backward()
        descent.step()
    return net.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def room():
    inputs, labels = clouds(460, seed=1)
    model, samples = trained(*clouds(400, seed=2)), load_data((inputs, labels))
    scores = {name: SCORES[name]() for name in ("energy", "mahalanobis")}
    return Room(model, samples, fit_detector(View(model), samples.limit(400), scores))
