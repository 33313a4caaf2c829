"""Labels that the nearest neighbours do not share (deep k-NN: Peri et al. 2020, https://arxiv.org/abs/1909.13374)."""

from __future__ import annotations

import torch
from scipy.linalg import eigh
from torch import Tensor

from sparring.poison.evidence import Evidence

__all__ = ["NEIGHBOURS", "nearest_rows", "neighbour_labels", "principal"]

NEIGHBOURS = 10
DIMENSIONS = 30
CHUNK = 1024


def neighbour_labels(evidence: Evidence) -> Tensor:
    """How many of the ten nearest samples have another label, the nearer the heavier: (N,).

    A sample whose label was changed still lies among those it was taken from. Deviates from the paper in that inputs
    are compared (by their thirty principal components) and not features: features of a model that learned the poison
    put poisoned samples to their new class.
    """
    points = principal(evidence.inputs)
    nearest = nearest_rows(points, points, NEIGHBOURS, own=True)
    weights = torch.linspace(1.1, 0.9, NEIGHBOURS)  # breaks ties by nearness, and never a count
    return ((evidence.labels[nearest] != evidence.labels[:, None]) * weights).sum(1)


def principal(inputs: Tensor) -> Tensor:
    """Inputs (N, *shape) in their main directions: (N, n), n at most 30."""
    centred = inputs.flatten(1) - inputs.flatten(1).mean(0)
    last = centred.shape[1] - 1
    wanted = (max(0, last + 1 - DIMENSIONS), last)
    spread = (centred.T @ centred).double().numpy()
    return centred @ torch.from_numpy(eigh(spread, subset_by_index=wanted)[1]).to(centred)


def nearest_rows(points: Tensor, among: Tensor, count: int, own: bool = False) -> Tensor:
    """The rows of `among` (M, n) that are nearest to each of `points` (N, n): (N, count), the nearest first.

    Args:
        points: Whose neighbours are wanted.
        among: Where they are looked for.
        count: How many.
        own: Whether both are the same rows, of which none is its own neighbour.
    """
    found = []
    for start in range(0, len(points), CHUNK):
        distances = torch.cdist(points[start : start + CHUNK], among)
        if own:
            distances[:, start:].fill_diagonal_(torch.inf)
        found.append(distances.topk(min(count, distances.shape[1] - own), largest=False).indices)
    return torch.cat(found)
