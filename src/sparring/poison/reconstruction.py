"""What suspects have in common that their neighbours lack: a picture of the trigger, and a test of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.poison.alarm import EVERYWHERE
from sparring.poison.detectors.neighbours import nearest_rows, principal
from sparring.poison.evidence import Evidence
from sparring.poison.making.victim import Share, predicted
from sparring.poison.scanning import Scan

__all__ = ["Reconstruction", "reconstruct", "suspected_trigger"]

NEIGHBOURS = 5
MOST = 500


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A change that may be the trigger.

    Args:
        change: (*shape), what is added to an input.
        target: The class of the suspects.
        opened: Other samples that the model puts into the target class once the change is added.
        shuffled: The same for the change with its values in another order: what chance does.
    """

    change: Tensor
    target: int
    opened: Share
    shuffled: Share


def reconstruct(evidence: Evidence, suspects: Tensor, target: int) -> Reconstruction | None:
    """The median difference between suspects and the samples of other classes that look most like them.

    Args:
        evidence: What the scan looked at.
        suspects: (N,) bool, samples labelled `target`.
        target: Their class.

    Returns:
        None if no sample of another class is left. A trigger that bends images instead of adding something is not
        found; then `opened` is no larger than `shuffled`.
    """
    others = (~suspects & (evidence.labels != target)).nonzero()[:, 0]
    if not len(others) or not suspects.any():
        return None
    points = principal(evidence.inputs)
    nearest = nearest_rows(points[suspects], points[others], NEIGHBOURS)
    alike = evidence.inputs[others][nearest].mean(1)
    change = (evidence.inputs[suspects] - alike).median(0).values
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(change.numel(), generator=generator)
    shuffled = change.flatten()[order].reshape(change.shape)
    tried = others[torch.randperm(len(others), generator=generator)[:MOST]]
    return Reconstruction(
        change, target, _opened(evidence, tried, change, target), _opened(evidence, tried, shuffled, target)
    )


def suspected_trigger(scan: Scan) -> Reconstruction | None:
    """The trigger behind the rarest peak of an alarm; None without one, or if it is about all classes together."""
    if not scan.raised or scan.raised[0].label == EVERYWHERE:
        return None
    suspects = torch.zeros_like(scan.pool.trusted)
    suspects[scan.raised[0].rows] = True
    return reconstruct(scan.evidence, suspects & ~scan.pool.trusted, scan.raised[0].label)


def _opened(evidence: Evidence, rows: Tensor, change: Tensor, target: int) -> Share:
    low, high = evidence.inputs.amin(), evidence.inputs.amax()
    answers = predicted(evidence.model, (evidence.inputs[rows] + change).clamp(low, high))
    return Share(int((answers == target).sum()), len(rows))
