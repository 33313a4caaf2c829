"""What attacks inside another one are shown of a look."""

from __future__ import annotations

from sparring.engine import Seen
from sparring.tensors import tree_map

__all__ = ["first_points"]


def first_points(seen: Seen, count: int) -> Seen:
    """What was seen at the first `count` points of each row."""
    every = (seen.outputs, seen.distance, seen.losses, seen.gradients)
    outputs, distance, losses, gradients = tree_map(lambda values: values[:, :count], every)
    return Seen(outputs, distance, losses, gradients, seen.odd)
