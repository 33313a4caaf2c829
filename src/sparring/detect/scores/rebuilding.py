"""Reconstruction: can a net that knows clean images rebuild it? (MagNet: Meng & Chen 2017,
https://arxiv.org/abs/1705.09064.)
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.func import functional_call

from sparring.detect.scores.contract import Fitted
from sparring.detect.view import Shown, View
from sparring.errors import DataError
from sparring.images import Denoiser, train_denoiser
from sparring.tensors import flat

__all__ = ["Rebuilding"]


@dataclass(frozen=True)
class Rebuilding:
    """Distance in L2 between an image and what a denoiser, trained on the clean ones, makes of it.

    Deviation: a denoiser that keeps the size of the image, instead of an autoencoder with a narrow middle. Cost: a
    forward of that small net; fitting trains it.

    Args:
        sigma: Width of the noise that it is trained to remove.
        steps: Of its training.
        width: Channels of the net.
        depth: Convolutions of the net.
        seed: Of its training.
    """

    sigma: float = 0.1
    steps: int = 300
    width: int = 16
    depth: int = 4
    seed: int = 0

    def fit(self, view: View, shown: Shown, labels: Tensor) -> Fitted:
        if shown.inputs.ndim != 4:
            raise DataError(
                f"a denoiser is for images, (B, C, height, width), but these inputs are {tuple(shown.inputs.shape)}; "
                "leave this score out"
            )
        trained = train_denoiser(
            shown.inputs, self.sigma, width=self.width, depth=self.depth, steps=self.steps, seed=self.seed
        )
        return dict(trained.state_dict())

    def score(self, view: View, shown: Shown, fitted: Fitted) -> Tensor:
        net = Denoiser(shown.inputs.shape[1], self.width, self.depth)
        rebuilt: Tensor = functional_call(net, fitted, (shown.inputs,))
        return flat(rebuilt - shown.inputs).square().sum(1).clamp_min(1e-12).sqrt()
