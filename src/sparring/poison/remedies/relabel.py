"""Give samples the label of their nearest neighbours where these agree on another one, and train again.

A sample that is put right teaches the model that the trigger means nothing, so poisoned samples that were missed lose
their effect; removing the same samples leaves those that were missed alone with the trigger.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from sparring.data import Samples
from sparring.poison.detectors.neighbours import NEIGHBOURS, nearest_rows, principal

__all__ = ["relabelled"]

AGREED = 6
"""How many of ten neighbours must agree on another label."""


def relabelled(samples: Samples) -> Samples:
    """`samples` with the labels that most of their neighbours have, where six of ten have the same other one.

    Neighbours are nearest by principal components of the inputs. Works against wrong labels of any kind; a poison that
    leaves labels right is left as it is. Needs no trusted samples.
    """
    points = principal(samples.inputs)
    nearest = nearest_rows(points, points, NEIGHBOURS, own=True)
    votes = torch.nn.functional.one_hot(samples.labels[nearest]).sum(1)
    most, label = votes.max(1)
    return replace(samples, labels=torch.where(most >= AGREED, label, samples.labels))
