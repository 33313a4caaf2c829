"""Victims: models trained on poisoned data, and how often the backdoor opens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparring.data import Samples
from sparring.errors import DataError
from sparring.evaluation.statistics import Interval, exact_interval
from sparring.poison.evidence import answer
from sparring.poison.making.planting import Provenance, class_count, plant, triggered
from sparring.poison.making.spec import PoisonSpec
from sparring.training import Adam, Recipe, fit, small_net

__all__ = ["SHORT", "Answers", "Make", "Share", "Trial", "answers_of", "rehearse", "trained"]

Make = Callable[[Samples, int], nn.Module]
"""Makes an untrained model for samples, from a seed."""

SHORT = Recipe(epochs=4, minibatch=64, optimiser=Adam(learning_rate=2e-3))
"""A training that is short and still learns what a few samples in a hundred teach."""

BATCH = 512


@dataclass(frozen=True)
class Share:
    """`hits` of `tried`."""

    hits: int
    tried: int

    @property
    def value(self) -> float:
        """As a number from 0 to 1; 0 if nothing was tried."""
        return self.hits / self.tried if self.tried else 0.0

    @property
    def interval(self) -> Interval:
        """Exact, at 95%, about the draw of the test samples alone."""
        return exact_interval(self.hits, max(self.tried, 1))


@dataclass(frozen=True)
class Answers:
    """How a model does on test samples.

    Args:
        clean: Right answers to samples as they are.
        success: Answers that the poisoner wanted, to samples with the trigger that are not of the wanted class; for
            poisons without a trigger (flips, unlearnable), wrong answers in his favour.
    """

    clean: Share
    success: Share


@dataclass(frozen=True)
class Trial:
    """One training with the poison and one without, from the same seed."""

    seed: int
    control: Answers
    victim: Answers


def trained(samples: Samples, make: Make = small_net, recipe: Recipe = SHORT, seed: int = 0) -> nn.Module:
    """A model trained on `samples`."""
    return fit(make(samples, seed), samples, recipe, seed=seed).model


def answers_of(model: Callable[[Tensor], Tensor], test: Samples, spec: PoisonSpec, classes: int) -> Answers:
    """Measure a model. Cost: 1 forward per test sample, and 1 more for each that can prove something.

    Raises:
        DataError: No test sample can prove anything.
    """
    rows = spec.relabelling.counted(test.labels).nonzero()[:, 0]
    if not len(rows):
        raise DataError(
            f'none of the {len(test):,} test samples can show whether "{spec.name}" works; give some of other classes'
        )
    clean = predicted(model, test.inputs) == test.labels
    answers = predicted(model, triggered(spec.trigger, test.inputs[rows], test.domain))
    opened = spec.relabelling.reached(answers, test.labels[rows], classes)
    return Answers(Share(int(clean.sum()), len(test)), Share(int(opened.sum()), len(rows)))


@torch.no_grad()
def predicted(model: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The class that the model answers to each of `inputs` (N, *shape): (N,)."""
    return torch.cat([answer(model, part).argmax(1) for part in inputs.split(BATCH)])


def rehearse(
    train: Samples,
    test: Samples,
    spec: PoisonSpec,
    *,
    make: Make = small_net,
    recipe: Recipe = SHORT,
    seeds: Sequence[int] = (0,),
    told: Callable[[int, int], None] | None = None,
) -> tuple[tuple[Trial, ...], Provenance]:
    """Poison `train`, train a victim per seed and a control beside it, and measure both on `test`.

    Args:
        train: Clean, as far as is known.
        test: Clean.
        spec: The poison.
        make: Makes the model that is trained.
        recipe: How it is trained.
        seeds: One victim and one control each.
        told: Told after each training how many are done, of how many.
    """
    classes = class_count(train)
    poisoned, provenance = plant(train, spec)
    trials = []
    for turn, seed in enumerate(seeds):
        answers = []
        for part, samples in enumerate((train, poisoned)):
            answers.append(answers_of(trained(samples, make, recipe, seed), test, spec, classes))
            if told is not None:
                told(2 * turn + part + 1, 2 * len(seeds))
        trials.append(Trial(seed, *answers))
    return tuple(trials), provenance
