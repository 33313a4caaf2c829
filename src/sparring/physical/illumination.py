"""Light thrown on each object, so that a camera's model misreads it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from sparring.data import Samples
from sparring.draws import Draws, row_keys
from sparring.models import Model
from sparring.physical.attacks.light_search import LightSearch
from sparring.physical.photographed import with_and_without
from sparring.physical.runs.judging import Arms, Setting, Tell
from sparring.physical.scene.scenario import Scenario
from sparring.threat import Linf

__all__ = ["Illumination"]


@dataclass(frozen=True)
class Illumination:
    """What light is thrown on objects. Cost: `search.steps + 3` times `looks` queries for each.

    Arms: the object as it is, the light that was found, one found without the camera, and one drawn at random.

    Attributes:
        search: What is thrown, and how much effort is spent.
        looks: Photos per look of the search.
    """

    search: LightSearch
    looks: int = 4

    def place(self, scenario: Scenario) -> Scenario:
        """The same place and camera, and no print: the object itself is looked at."""
        bare = scenario.having(black=0.0, saturation=1.0, dot_gain=0.0, halftone=20.0, white=1.0)
        return replace(bare, name=f"{scenario.name}, nothing printed")

    def arms(self, model: Model, samples: Samples, setting: Setting, progress: Tell) -> Arms:
        """The objects, lit and not."""
        light, name = self.search.light, type(self.search.light).__name__.lower()
        threat = Linf(samples.domain.high - samples.domain.low).bind(samples.inputs, samples.domain)
        queries = len(samples) * (self.search.steps + 3)
        found, unseen = with_and_without(
            model, samples, setting, threat, self.search, self.looks,
            passes=queries, stage=f"throwing a {name}", progress=progress,
        )  # fmt: skip
        draws = Draws(row_keys(setting.seed, samples.ids, "light"))
        random = light.cast(samples.inputs, draws.uniform(torch.empty(len(samples), light.numbers)))
        made = {"none": samples.inputs.clone(), name: found, "no channel": unseen, "random": random}
        told = {"steps": self.search.steps, "looks": self.looks}
        return Arms(name, made, told, forwards=self.looks * queries, backwards=0)
