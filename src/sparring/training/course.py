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
from sparring.training.recipe import Recipe

__all__ = ["Course"]


@dataclass(frozen=True, eq=False)
class Course:
    """All updates of a training, in order.

    Args:
        samples: Learned from.
        recipe: How.
        seed: Of all draws.
        validation: Held out.
    """

    samples: Samples
    recipe: Recipe
    seed: int
    validation: Samples | None

    @property
    def updates(self) -> int:
        """How many an epoch has."""
        return math.ceil(len(self.samples) / self.recipe.minibatch)

    @property
    def steps(self) -> int:
        """Updates of the whole training."""
        return self.recipe.epochs * self.updates

    def rows(self, step: int) -> Tensor:
        """Positions of the samples that update number `step` learns from; each sample has its turn once an epoch."""
        epoch, part = divmod(step, self.updates)
        return _order(len(self.samples), self.seed_of("order", epoch)).tensor_split(self.updates)[part]

    def minibatch(self, step: int, rows: Tensor, device: torch.device) -> Minibatch:
        """These samples, augmented."""
        epoch = step // self.updates
        ids = [self.samples.ids[row] for row in rows.tolist()]
        inputs, labels = (each[rows].to(device) for each in (self.samples.inputs, self.samples.labels))
        if self.recipe.augment is not None:
            keys = row_keys(self.seed, ids, "augment", epoch)
            inputs = self.recipe.augment(inputs, Draws(keys.to(device)))
        draws = Draws(row_keys(self.seed, ids, "objective", epoch).to(device))
        return Minibatch(inputs, labels, draws, self.samples.domain, step / self.steps)

    def seed_of(self, *words: object) -> int:
        """A seed of its own for every purpose."""
        return int.from_bytes(sha256(repr((self.seed, *words)).encode()).digest()[:7], "little")

    def digest(self, model: nn.Module) -> str:
        """SHA-256 of everything that the trained weights depend on."""
        held_out = None if self.validation is None else _content(self.validation)
        words = [described(model), described(self.recipe), _content(self.samples), held_out, self.seed]
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
        if not bool(samples.inputs.isfinite().all()):
            raise DataError("some samples hold NaN or infinite inputs; remove them before training")
        if len(samples.labels.unique()) < 2:
            raise DataError("all samples have the same label; a model learns nothing from one class")
        first = next(model.parameters(), None)
        if first is None:
            raise ModelError("the model has no parameters, so there is nothing that could learn")
        classes = self._classes(model, first.device)
        if int(samples.labels.min()) < 0 or int(samples.labels.max()) >= classes:
            raise DataError(
                f"labels go from {int(samples.labels.min())} to {int(samples.labels.max())}, "
                f"but the model tells {classes} classes apart, from 0"
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
