"""Which samples each update learns from; a function of seed and number, so that nothing has to be remembered."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

import torch
from torch import Tensor, nn

from sparring.data import Samples
from sparring.draws import Draws, row_keys
from sparring.errors import DataError, ModelError
from sparring.models.canonical import show
from sparring.models.description import described
from sparring.training.minibatch import Minibatch
from sparring.training.objectives import Objective
from sparring.training.recipe import Recipe
from sparring.training.setup import Setup

__all__ = ["Course"]


@dataclass(frozen=True, eq=False)
class Course:
    """All updates of a training, in order.

    Args:
        samples: Learned from.
        recipe: How.
        seed: Of all draws.
        validation: Held out.
        extra: Mixed in.
    """

    samples: Samples
    recipe: Recipe
    seed: int
    validation: Samples | None = None
    extra: Samples | None = None

    @property
    def updates(self) -> int:
        """How many an epoch has."""
        return math.ceil(len(self.samples) / (self.recipe.minibatch - self._mixed_in))

    @property
    def steps(self) -> int:
        """Updates of the whole training."""
        return self.recipe.epochs * self.updates

    @property
    def _mixed_in(self) -> int:
        """Extra samples in each update; one place at least is left for the others."""
        if self.extra is None:
            return 0
        return min(round(self.recipe.extra * self.recipe.minibatch), self.recipe.minibatch - 1)

    def rows(self, step: int) -> Tensor:
        """Positions of the samples that update number `step` learns from; each sample has its turn once an epoch.

        Those of extra samples are counted on from the last sample.
        """
        epoch, part = divmod(step, self.updates)
        own = _order(len(self.samples), self.seed_of("order", epoch)).tensor_split(self.updates)[part]
        if self.extra is None:
            return own
        generator = torch.Generator().manual_seed(self.seed_of("extra", step))
        mixed_in = torch.randint(len(self.extra), (self._mixed_in,), generator=generator)
        return torch.cat([own, mixed_in + len(self.samples)])

    def minibatch(self, step: int, rows: Tensor, device: torch.device) -> Minibatch:
        """These samples, augmented."""
        epoch, own = step // self.updates, rows < len(self.samples)
        parts = [self.samples.select(rows[own])]
        if self.extra is not None:
            parts.append(self.extra.select(rows[~own] - len(self.samples)))
        inputs = torch.cat([each.inputs for each in parts]).to(device)
        labels = torch.cat([each.labels for each in parts]).to(device)
        ids = [name for each in parts for name in each.ids]
        if self.recipe.augment is not None:
            keys = row_keys(self.seed, ids, "augment", epoch)
            inputs = self.recipe.augment(inputs, Draws(keys.to(device)))
        draws = Draws(row_keys(self.seed, ids, "objective", epoch).to(device))
        return Minibatch(inputs, labels, draws, self.samples.domain, step / self.steps)

    def objective(self, remedied: int | None) -> Objective:
        """The objective, or the one that has taken its place."""
        if remedied is None or self.recipe.remedy is None:
            return self.recipe.objective
        return self.recipe.remedy

    def seed_of(self, *words: object) -> int:
        """A seed of its own for every purpose."""
        return int.from_bytes(sha256(repr((self.seed, *words)).encode()).digest()[:7], "little")

    def digest(self, model: nn.Module, setup: Setup) -> str:
        """SHA-256 of everything that the trained weights depend on."""
        data = [
            None if each is None else _content(each) for each in (self.samples, self.validation, self.extra)
        ]
        words = [described(model), described(self.recipe), described(setup), data, self.seed]
        return sha256(json.dumps(words).encode()).hexdigest()

    def check(self, model: nn.Module) -> None:
        """Refuse what no model can learn from.

        Raises:
            DataError: Samples are too few, of one class, not numbers, or have labels that the model does not know.
            ModelError: The model has nothing that could learn, or does not answer as it must.
        """
        samples, wanted = self.samples, self.recipe.minibatch
        if len(samples) < wanted:
            raise DataError(
                f"there are {len(samples)} samples to learn from, fewer than the {wanted} of one update; "
                "give more samples or a smaller minibatch"
            )
        if len(samples.labels.unique()) < 2:
            raise DataError("all samples have the same label; a model learns nothing from one class")
        first = next(model.parameters(), None)
        if first is None:
            raise ModelError("the model has no parameters, so there is nothing that could learn")
        classes = self._classes(model, first.device)
        for name, each in (("training", samples), ("held-out", self.validation), ("extra", self.extra)):
            if each is not None:
                self._check_part(each, name, classes)

    def _check_part(self, part: Samples, name: str, classes: int) -> None:
        """Refuse samples that are no numbers, of another shape, or with labels that the model does not know."""
        if part.domain.shape != self.samples.domain.shape:
            raise DataError(
                f"{name} samples have shape {part.domain.shape}, those to learn from {self.samples.domain.shape}"
            )
        if not bool(part.inputs.isfinite().all()):
            raise DataError(f"some {name} samples hold NaN or infinite inputs; remove them before training")
        lowest, highest = int(part.labels.min()), int(part.labels.max())
        if lowest < 0 or highest >= classes:
            raise DataError(
                f"labels of {name} samples go from {lowest} to {highest}, but the model tells {classes} classes apart"
            )

    def _classes(self, model: nn.Module, device: torch.device) -> int:
        """How many classes the model answers with."""
        with torch.no_grad():
            outputs = show(model, self.samples.inputs[:1].to(device))
        if not isinstance(outputs, Tensor) or outputs.ndim != 2:
            raise ModelError("a model that is trained must answer with logits (B, C), one row per input")
        return outputs.shape[1]


def _content(samples: Samples) -> list[str]:
    return [samples.digest, described(samples.inputs)]


@lru_cache(maxsize=2)  # this epoch's, and the first
def _order(count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))
