"""A detector as a model with two answers, hidden or found: what is made for patches on paper then serves it too."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sparring.errors import UsageError
from sparring.images import resize
from sparring.physical.attacks.detections import Detections, Detector, checked, overlap

__all__ = ["FOUND", "HIDDEN", "InScenes"]

HIDDEN, FOUND = 0, 1
"""The two classes."""

NEAR = 0.3
"""Overlap from which a proposed box is one of the object's."""

LEAST = 1e-6


class InScenes(nn.Module):
    """Whether a detector finds an object that stands in scenes: inputs `(B, 3, H, H)` to logits `(B, 2)`.

    Every input is put at its place in every scene; the detector proposes boxes; the score of the object is the best
    score of any box of its label that overlaps it, before suppression, as a patch has to hide it from all of them
    (Thys, Van Ranst & Goedemé 2019, https://arxiv.org/abs/1904.08653). The logits are half its log-odds over
    `threshold`, meaned over scenes: class 1, `FOUND`, where that is positive, else class 0, `HIDDEN`. So
    `make_print_run` with target 0 trains a patch that hides objects. Cost of a row: a pass of the detector per scene.

    Deviation: the loss of the paper is the best score itself, without a logarithm.
    """

    scenes: Tensor

    def __init__(
        self, detector: Detector, scenes: Tensor, boxes: Tensor, label: int = 0, threshold: float = 0.5
    ) -> None:
        """Detector and scenes are kept as they are.

        Args:
            detector: See `Detector`; if it is an `nn.Module` it moves along.
            scenes: Pictures `(S, 3, H, W)` in [0, 1].
            boxes: Where the object stands in each, `(S, 4)`, whole pixels: left, top, right, lower edge.
            label: Of the object, as the detector has it.
            threshold: Score from which a box counts as found.

        Raises:
            UsageError: A box does not lie in its scene, or the threshold is not between 0 and 1.
        """
        super().__init__()
        self.detector, self.label, self.threshold = detector, label, threshold
        edges = torch.tensor([scenes.shape[-1], scenes.shape[-2]] * 2)
        inside = (boxes >= 0).all() and (boxes <= edges).all() and (boxes[:, 2:] > boxes[:, :2]).all()
        if len(boxes) != len(scenes) or not bool(inside):
            raise UsageError(f"each of {len(scenes)} scenes needs one box inside it, of at least a pixel")
        if not 0 < threshold < 1:
            raise UsageError(f"a threshold of scores is between 0 and 1, but got {threshold:g}")
        self.register_buffer("scenes", scenes)
        self.boxes = boxes.long()

    def forward(self, inputs: Tensor) -> Tensor:
        found = self.found(inputs)
        truth = self.boxes.to(inputs).repeat(len(inputs), 1)
        near = overlap(found.boxes, truth[:, None])[..., 0] >= NEAR
        own = near & (found.labels == self.label)
        best = torch.where(own, found.scores, 0).amax(1).clamp(LEAST, 1 - LEAST)
        odds = (best.logit() - torch.tensor(self.threshold).logit().to(best)).view(len(inputs), -1).mean(1)
        return torch.stack([-odds / 2, odds / 2], 1)

    def found(self, inputs: Tensor) -> Detections:
        """What the detector proposes for each input in each scene: `B * S` rows, scenes of one input together."""
        pictures = torch.stack([self.placed(inputs, row) for row in range(len(self.boxes))], 1).flatten(0, 1)
        return checked(self.detector(pictures), len(pictures))

    def placed(self, inputs: Tensor, scene: int) -> Tensor:
        """Inputs in one of the scenes, `(B, 3, H, W)`."""
        left, top, right, below = self.boxes[scene].tolist()
        whole = self.scenes[scene].to(inputs).expand(len(inputs), -1, -1, -1).clone()
        whole[:, :, top:below, left:right] = resize(inputs, below - top, right - left).clamp(0, 1)
        return whole
