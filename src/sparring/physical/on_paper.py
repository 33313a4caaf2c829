"""Training with the channel: samples as they look printed and photographed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.draws import Draws
from sparring.physical.channel.channel import Channel
from sparring.physical.scene.placement import place_patch, whole_picture
from sparring.physical.scene.scenario import Scenario

__all__ = ["OnPaper"]


@dataclass(frozen=True)
class OnPaper:
    """An augmentation for `sparring.training.Recipe`: a share of the samples is printed and photographed anew.

    Cost: no passes of the model, but the channel's own work for each sample, which is more than that of a small net.

    Args:
        scenario: Where prints are looked at.
        side: Of a printed picture, in mm.
        share: Of the samples that are seen so; the others stay as they are.
    """

    scenario: Scenario
    side: float = 84.0
    share: float = 0.5

    def __call__(self, inputs: Tensor, draws: Draws) -> Tensor:
        """Inputs `(B, 3, H, H)` in [0, 1], on the CPU or moved there and back."""
        chosen = (draws.uniform(inputs.new_empty(len(inputs), 1))[:, 0] < self.share).nonzero().squeeze(1)
        if not len(chosen):
            return inputs
        size, rows = inputs.shape[-1], inputs[chosen].cpu()
        keys = [str(key) for key in draws.keys[chosen].tolist()]
        channel = Channel(self.scenario, self.side, size)
        with torch.no_grad():
            pictures = place_patch(rows, rows, whole_picture(self.side, size))
            return inputs.index_copy(0, chosen, channel.through(pictures, keys).to(inputs))
