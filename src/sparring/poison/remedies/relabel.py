"""Give samples the label that their nearest neighbours agree on, and train again.

A sample that is put right teaches the model that the trigger means nothing, so poisoned samples that were missed lose
their effect; removing the same samples leaves those that were missed alone with the trigger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from sparring.data import Samples
from sparring.poison.detectors.neighbours import NEIGHBOURS, nearest_rows, principal
from sparring.poison.making.victim import SHORT, Make, predicted, trained
from sparring.poison.outlines import outlines
from sparring.training import Adam, Recipe, fit, small_net

__all__ = ["Neighbourly", "neighbourly", "relabelled", "relearned"]

AGREED, DOUBTED = 8, 6
"""How many of ten neighbours must agree on another label for a sample to get it, or to be doubted."""

SECOND = Recipe(epochs=2, minibatch=64, optimiser=Adam(learning_rate=1e-3))
BATCH = 500


@dataclass(frozen=True, eq=False)
class Neighbourly:
    """What the ten nearest neighbours of N samples say.

    Args:
        label: (N,), the label that most of them have.
        agreed: (N,), how many.
    """

    label: Tensor
    agreed: Tensor

    def against(self, labels: Tensor, count: int) -> Tensor:
        """Where at least `count` neighbours agree on another label than `labels`: (N,) bool."""
        return (self.label != labels) & (self.agreed >= count)


def neighbourly(samples: Samples) -> Neighbourly:
    """Ask the neighbours: nearest by the principal components of the outlines, for tables of the inputs.

    Nothing is learned from labels, so poison cannot move a sample among those of its new class; and edges change less
    than values under noise, a patch, or other light.
    """
    points = principal(torch.cat([outlines(inputs) for inputs in samples.inputs.split(BATCH)]))
    nearest = nearest_rows(points, points, NEIGHBOURS, own=True)
    agreed, label = torch.nn.functional.one_hot(samples.labels[nearest]).sum(1).max(1)
    return Neighbourly(label, agreed)


def relabelled(samples: Samples, neighbours: Neighbourly) -> Samples:
    """`samples` with the other label that eight of their ten neighbours have; without those where six or seven do."""
    labels = torch.where(neighbours.against(samples.labels, AGREED), neighbours.label, samples.labels)
    doubted = neighbours.against(labels, DOUBTED)
    return replace(samples, labels=labels).select((~doubted).nonzero()[:, 0])


def relearned(samples: Samples, make: Make = small_net, recipe: Recipe = SHORT, seed: int = 0) -> nn.Module:
    """Train on relabelled samples; let the new model settle what neighbours doubted; train a little on all.

    The new model never saw the doubted samples, and hardly a trigger, so it knows hard samples from wrong labels better
    than neighbours do. Works against wrong labels of any kind; a poison that leaves labels right is left as it is, and
    so is one whose samples are each other's neighbours. Uses no trusted sample. Cost: one training, two epochs more,
    and the distances of all pairs of samples.

    Args:
        samples: Perhaps poisoned; left as they are.
        make: Makes the model that is trained.
        recipe: How it is trained at first.
        seed: Of both trainings.
    """
    neighbours = neighbourly(samples)
    first = trained(relabelled(samples, neighbours), make, recipe, seed)
    doubted = neighbours.against(samples.labels, DOUBTED)
    labels = torch.where(doubted, predicted(first, samples.inputs), samples.labels)
    return fit(first.requires_grad_(True), replace(samples, labels=labels), SECOND, seed=seed).model
