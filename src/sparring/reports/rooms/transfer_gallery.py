"""Examples that fooled a target: the sample, the change, what the target took it for."""

from __future__ import annotations

from collections.abc import Sequence

from sparring.data import Samples
from sparring.reports.gallery import BUDGET, Exhibit, within_budget
from sparring.reports.pictures import change, loudness, picture
from sparring.transfer import Shown

__all__ = ["transfer_gallery"]

MOST = 12
"""Exhibits at most."""


def transfer_gallery(made: Sequence[Shown], samples: Samples) -> list[Exhibit]:
    """Of the examples that fool most often, the first that do; none of samples that are no images.

    Args:
        made: Examples for one threat, shown to one target.
        samples: What they were made of.
    """
    if not made or not samples.domain.is_image:
        return []
    best = max(made, key=lambda shown: int(shown.fooled.sum()))
    rows = best.fooled.nonzero().squeeze(1).tolist()[:MOST]
    return within_budget(
        lambda side, most: [_exhibit(best, samples, row, side) for row in rows[:most]], BUDGET
    )


def _exhibit(shown: Shown, samples: Samples, row: int, side: int) -> Exhibit:
    before, after = samples.inputs[row], shown.points[row]
    return Exhibit(
        index=int(samples.index[row]),
        label=_class(samples, int(samples.labels[row])),
        prediction=_class(samples, int(shown.said[row])),
        distance=shown.threat,
        attack=f"{shown.method} on {shown.origin}",
        found_after=None,
        loudness=loudness(before, after),
        pictures=(picture(before, side), change(before, after, side), picture(after, side)),
    )


def _class(samples: Samples, label: int) -> str:
    names = samples.classes
    return str(label) if names is None or label >= len(names) else names[label]
