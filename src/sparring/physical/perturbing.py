"""Small changes of a whole picture that survive printing and scanning.

Averaged PGD on the engine: each look is at another photo of the print (expectation over transformation, Athalye,
Engstrom, Ilyas & Kwok 2018, https://arxiv.org/abs/1707.07397), in the Linf ball around the digital picture.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from sparring.attacks import PGD
from sparring.data import Samples
from sparring.errors import UsageError
from sparring.models import Model
from sparring.physical.photographed import with_and_without
from sparring.physical.runs.judging import Arms, Setting, Tell, size_of
from sparring.physical.scene.scenario import Scenario
from sparring.threat import Linf, Threat

__all__ = ["Perturbation"]


@dataclass(frozen=True)
class Perturbation:
    """How pictures are changed. Cost: `steps + 2` times `looks` forwards and backwards for each.

    Arms: the picture as it is, the perturbed one, one perturbed without the channel, random signs of the same eps, and
    the perturbation with its pixels in another order.

    Attributes:
        eps: How far any value may move, in the range of the picture, [0, 1].
        steps: Of PGD.
        looks: Photos per step.

    Raises:
        UsageError: eps is not in (0, 1].
    """

    eps: float
    steps: int = 30
    looks: int = 8

    def __post_init__(self) -> None:
        if not 0 < self.eps <= 1:
            raise UsageError(
                f"eps is more than 0 and at most 1, in the range of the picture, but got {self.eps:g}"
            )

    def place(self, scenario: Scenario) -> Scenario:
        """Where the pictures are looked at: prints, as the scenario says."""
        return scenario

    def arms(self, model: Model, samples: Samples, setting: Setting, progress: Tell) -> Arms:
        """The pictures, perturbed and not."""
        threat = Linf(self.eps).bind(samples.inputs, samples.domain)
        found, unprotected = with_and_without(
            model, samples, setting, threat, PGD(steps=self.steps), self.looks,
            passes=2 * len(samples) * (self.steps + 3), stage="perturbing", progress=progress,
        )  # fmt: skip
        spent = (self.steps + 2) * self.looks * len(samples)
        made = {"none": samples.inputs.clone(), "perturbed": found, "no channel": unprotected}
        made |= self._controls(samples, found, threat, setting.seed)
        return Arms("perturbed", made, asdict(self), forwards=spent, backwards=spent)

    def _controls(self, samples: Samples, found: Tensor, threat: Threat, seed: int) -> dict[str, Tensor]:
        inputs, draws = samples.inputs, torch.Generator().manual_seed(seed)
        signs = torch.randint(0, 2, inputs.shape, generator=draws) * 2 - 1
        order = torch.randperm(size_of(samples) ** 2, generator=draws)
        shuffled = (found - inputs).flatten(2)[..., order].view_as(found)
        return {
            "random": threat.project(inputs + self.eps * signs, inputs),
            "shuffled": threat.project(inputs + shuffled, inputs),
        }
