"""A small detector of traffic signs, trained on GTSRB signs pasted into photographs; scenes to try it on."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from _imagenet import photographs
from _signs import signs
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from sparring.images import resize
from sparring.physical import Detections
from sparring.physical.attacks.detections import overlap

__all__ = ["SCENE", "OneStage", "detector", "scenes"]

SCENE, STRIDE = 96, 8
"""Side of a scene, and of a cell of the detector, in pixels."""

LEARNED_FROM = 80
"""Photographs that scenes of the training are cut from; the others are for the judging."""


class OneStage(nn.Module):
    """A score and a box for every cell of 8 by 8 pixels (anchor-free, as FCOS, Tian et al. 2019): 89,000 weights."""

    def __init__(self) -> None:
        super().__init__()
        widths = ((3, 24, 2), (24, 32, 2), (32, 48, 2), (48, 64, 1), (64, 64, 1))
        blocks = [
            (nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())
            for before, after, stride in widths
        ]
        self.body = nn.Sequential(
            *(layer for block in blocks for layer in block), nn.Conv2d(64, 5, 3, padding=1)
        )

    def forward(self, inputs: Tensor) -> Detections:
        odds, boxes = self.raw(inputs)
        return Detections(boxes, odds.sigmoid(), torch.zeros_like(odds, dtype=torch.long))

    def raw(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Log-odds `(B, N)` and boxes `(B, N, 4)`."""
        answers = self.body(inputs - 0.5).flatten(2).movedim(1, 2)
        middles = cells(inputs.shape[-1])
        ways = 16 * functional.softplus(answers[..., 1:])
        return answers[..., 0], torch.cat([middles - ways[..., :2], middles + ways[..., 2:]], -1)


def cells(side: int) -> Tensor:
    """Middles of cells `(N, 2)`, across and down."""
    line = STRIDE * (torch.arange(side // STRIDE) + 0.5)
    return torch.cartesian_prod(line, line).flip(1)


def scenes(count: int, seed: int, learn: bool) -> tuple[Tensor, Tensor]:
    """Parts of photographs `(count, 3, 96, 96)`, and a place for a sign in each `(count, 4)`, whole pixels."""
    draws = torch.Generator().manual_seed(seed)
    halved, pictures, boxes = smaller(learn), [], []
    for _ in range(count):
        row = int(torch.randint(len(halved), (1,), generator=draws))
        top, left = torch.randint(160 - SCENE, (2,), generator=draws).tolist()
        pictures.append(halved[row, :, top : top + SCENE, left : left + SCENE])
        side = int(torch.randint(24, 49, (1,), generator=draws))
        across, down = torch.randint(SCENE - side, (2,), generator=draws).tolist()
        boxes.append([across, down, across + side, down + side])
    return torch.stack(pictures), torch.tensor(boxes)


@cache
def smaller(learn: bool) -> Tensor:
    """Photographs at 160 by 160 pixels."""
    whole = photographs().inputs
    return resize(whole[:LEARNED_FROM] if learn else whole[LEARNED_FROM:], 160, 160).clamp(0, 1)


def detector(folder: Path, steps: int = 300, minibatch: int = 24) -> OneStage:
    """The detector with its weights, from `folder` if it was trained before."""
    path, net = folder / "sign-detector.safetensors", OneStage()
    if path.is_file():
        net.load_state_dict(load_file(path))
        return net.eval().requires_grad_(False)
    torch.manual_seed(0)
    learn = signs("train_2614", 16).inputs
    adam = torch.optim.Adam(net.parameters(), 2e-3)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for step in range(steps):
        pictures, boxes = scenes(minibatch, 1000 + step, learn=True)
        shown = torch.randint(len(learn), (minibatch,))
        for picture, box, sign in zip(pictures, boxes.tolist(), learn[shown], strict=True):
            picture[:, box[1] : box[3], box[0] : box[2]] = varied(sign, box[2] - box[0])
        adam.zero_grad()
        wrong(net, pictures, boxes.float()).backward()
        adam.step()
        fall.step()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(net.state_dict(), path)
    return net.eval().requires_grad_(False)


def varied(sign: Tensor, side: int) -> Tensor:
    """A sign at some size, lighter or darker, as print and camera leave it."""
    contrast, light = 0.5 + torch.rand(1), 0.3 * torch.rand(1) - 0.15
    tint = 0.85 + 0.3 * torch.rand(3, 1, 1)
    return (resize(sign[None], side, side)[0] * contrast * tint + light).clamp(0, 1)


def wrong(net: OneStage, pictures: Tensor, truth: Tensor) -> Tensor:
    """Cells whose middle lies in the middle half of a sign shall find it, with its box; all others nothing."""
    odds, boxes = net.raw(pictures)
    middle, half = (truth[:, :2] + truth[:, 2:]) / 2, (truth[:, 2:] - truth[:, :2]) / 4
    inside = ((cells(SCENE)[None] - middle[:, None]).abs() <= half[:, None]).all(-1)
    found = functional.binary_cross_entropy_with_logits(odds, inside.float(), pos_weight=torch.tensor(3.0))
    placed = 1 - overlap(boxes, truth[:, None])[..., 0][inside]
    return 10 * found + placed.mean()
