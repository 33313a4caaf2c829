"""Traffic signs (GTSRB, Stallkamp et al. 2012), and a small net for them that is trained in a minute or two."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from _data import found
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

import sparring
from sparring.data import Samples
from sparring.draws import Draws
from sparring.images import resize
from sparring.tensors import over_rows
from sparring.training import Recipe, fit

__all__ = ["CLASSES", "make", "signs", "trained"]

CLASSES = 43
SIDE = 32


def signs(part: str, least: int = 8) -> Samples:
    """Signs that are whole: at least `least` and fewer than 32 pixels, cut out of their black filling, scaled to 32.

    Args:
        part: `train_2614` or `test_2000`.
        least: Fewest pixels of the original's shorter side.
    """
    stored = np.load(found(f"data/gtsrb/{part}.npz"))
    kept, rows = [], []
    for row, picture in enumerate(stored["x"]):
        ink = picture.max(2) > 0
        height, width = (int(np.flatnonzero(ink.any(axis)).max()) + 1 for axis in (1, 0))
        if least <= min(height, width) < SIDE:
            pixels = torch.from_numpy(picture[:height, :width]).movedim(-1, 0)[None].float() / 255
            kept.append(resize(pixels, SIDE, SIDE).clamp(0, 1))
            rows.append(row)
    return sparring.load_data((torch.cat(kept), torch.from_numpy(stored["y"][rows])))


def make() -> nn.Sequential:
    """Five convolutions and one linear layer, 59,000 weights; brightness and contrast are evened out inside."""
    widths = ((3, 16), (16, 16), (16, 32), (32, 32), (32, 64))
    blocks = [
        (nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU())
        for before, after in widths
    ]
    pools = {1: nn.MaxPool2d(2), 3: nn.MaxPool2d(2), 4: nn.AdaptiveAvgPool2d(4)}
    layers = [
        layer
        for row, block in enumerate(blocks)
        for layer in (*block, *([pools[row]] if row in pools else ()))
    ]
    return nn.Sequential(Even(), *layers, nn.Flatten(), nn.Linear(64 * 16, CLASSES)).eval()


class Even(nn.Module):
    """Each picture less its mean, by its deviation."""

    def forward(self, inputs: Tensor) -> Tensor:
        mean, deviation = (each(inputs, (1, 2, 3), keepdim=True) for each in (torch.mean, torch.std))
        return (inputs - mean) / (deviation + 0.05)


@dataclass(frozen=True)
class Seen:
    """Augmentation: turned, sheared, shifted, scaled; lighter or darker.

    Args:
        covered: Side in pixels of two grey squares at places drawn at random; 0 for none.
    """

    covered: int = 0

    def __call__(self, inputs: Tensor, draws: Draws) -> Tensor:
        drawn = 2 * draws.uniform(inputs.new_empty(len(inputs), 8)) - 1
        bend = torch.eye(2, 3) + 0.15 * drawn[:, :6].reshape(-1, 2, 3)
        grid = functional.affine_grid(bend, list(inputs.shape), align_corners=False)
        moved = functional.grid_sample(inputs, grid, padding_mode="border", align_corners=False)
        contrast, light = over_rows(1 + 0.5 * drawn[:, 6], moved), over_rows(0.15 * drawn[:, 7], moved)
        seen = (moved * contrast + light).clamp(0, 1)
        for square in range(2 if self.covered else 0):
            places = (
                draws.uniform(inputs.new_empty(len(inputs), 2), 1 + square) * (SIDE + self.covered)
                - self.covered
            )
            line = torch.arange(SIDE)[None]
            down, across = (
                (line >= each) & (line < each + self.covered) for each in places[:, :, None].unbind(1)
            )
            seen = torch.where((down[:, :, None] & across[:, None])[:, None], 0.5, seen)
        return seen


def trained(folder: Path, covered: int = 0, epochs: int = 20) -> tuple[nn.Module, Path]:
    """The net with its weights, from `folder` if it was trained before, and the file of its weights.

    Args:
        folder: Where weights are kept.
        covered: As in `Seen`; a net that learned from covered pictures is another one.
        epochs: Of the training.
    """
    path, net = folder / (f"signs-covered-{covered}.safetensors" if covered else "signs.safetensors"), make()
    if path.is_file():
        net.load_state_dict(load_file(path))
        return net, path
    torch.manual_seed(0)
    learn = signs("train_2614")
    fitted = fit(make(), replace(learn, notes=()), Recipe(epochs=epochs, minibatch=32, augment=Seen(covered)))
    folder.mkdir(parents=True, exist_ok=True)
    save_file(fitted.model.state_dict(), path)
    return fitted.model, path
