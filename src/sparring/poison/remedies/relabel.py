"""Give samples the label that their nearest neighbours agree on, leave out the doubtful ones, and train again.

A sample that is put right teaches the model that the trigger means nothing, so poisoned samples that were missed lose
their effect; removing the same samples leaves those that were missed alone with the trigger.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from sparring.data import Samples
from sparring.poison.detectors.neighbours import NEIGHBOURS, nearest_rows, principal

__all__ = ["relabelled"]

AGREED, DOUBTED = 8, 6
"""How many of ten neighbours must agree on another label for a sample to get it, or to be left out."""


def relabelled(samples: Samples) -> Samples:
    """`samples` with the other label that eight of their ten neighbours have; without those where six or seven do.

    Neighbours are nearest by principal components of the inputs. Works against wrong labels of any kind; a poison that
    leaves labels right is left as it is. Needs no trusted samples.
    """
    points = principal(samples.inputs)
    nearest = nearest_rows(points, points, NEIGHBOURS, own=True)
    most, label = torch.nn.functional.one_hot(samples.labels[nearest]).sum(1).max(1)
    new = replace(samples, labels=torch.where(most >= AGREED, label, samples.labels))
    sound = (new.labels == label) | (most < DOUBTED)
    return new.select(sound.nonzero()[:, 0])
