"""Which surrogate to use for a target: the one whose examples fool it most often on a few samples."""

from __future__ import annotations

from collections.abc import Sequence

from sparring.data import Samples
from sparring.models import Model
from sparring.threat import Threat
from sparring.transfer.table import MEMORY, Line, transfer_table

__all__ = ["ranked"]


def ranked(
    surrogates: Sequence[Model],
    target: Model,
    probes: Samples,
    threat: Threat,
    method: str = "mi",
    gradients: int = 10,
    *,
    seed: int = 0,
) -> list[Line]:
    """Surrogates by how often their examples of a few probes fool a target, the best first.

    What is asked is what is wanted, so nothing has to be assumed of what makes nets alike. Counts and not shares are
    compared: a surrogate that gets few samples right is of little use. Cost: of the target, one query per probe, and
    one more per surrogate and probe that both got right.

    Args:
        surrogates: Candidates.
        target: Asked about the probes.
        probes: A few samples, not those that will be attacked.
        threat: Which changes are allowed.
        method: One of `METHODS`; a cheap one does.
        gradients: What each example may cost.
        seed: Of all draws.
    """
    groups = [[each] for each in surrogates]
    lines = transfer_table(
        groups, [target], probes, [threat], [method], gradients, media=(MEMORY,), seed=seed
    )
    return sorted(lines, key=lambda line: -line.fooled)
