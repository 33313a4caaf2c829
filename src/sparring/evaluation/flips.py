"""Which samples flipped between two runs, paired by (id, label)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sparring.errors import UsageError
from sparring.evaluation.gates.claims import sampling_of
from sparring.evaluation.gates.noninferiority import Flips, difference_interval
from sparring.evaluation.statistics import Interval
from sparring.storage import Run
from sparring.storage.baseline import statuses_of, suite_of
from sparring.storage.tables import STANDING

__all__ = ["Difference", "Flip", "difference_of"]

LEVEL = 0.95


@dataclass(frozen=True)
class Flip:
    """A sample whose status is another one in the second run."""

    id: str
    label: int
    index: int
    before: str
    after: str


@dataclass(frozen=True)
class Difference:
    """Two runs, sample by sample.

    Args:
        pairs: Samples in both.
        only_before, only_after: Samples in one of them.
        robust_before, robust_after: Robust ones among the pairs.
        counts: How many pairs went from which status to which.
        flips: Pairs whose status changed, in the order of the second run.
        interval: Of the change of robust accuracy: a lower and an upper bound, each at its level; None without a draw.
        notes: What else is not the same, a sentence each.
    """

    pairs: int
    only_before: int
    only_after: int
    robust_before: int
    robust_after: int
    counts: Counter[tuple[str, str]]
    flips: tuple[Flip, ...]
    interval: Interval | None
    notes: tuple[str, ...]

    @property
    def change(self) -> float:
        """Robust accuracy of the second run minus that of the first, over the pairs."""
        return (self.robust_after - self.robust_before) / self.pairs


def difference_of(before: Run, after: Run) -> Difference:
    """Hold two runs against each other.

    Raises:
        UsageError: They are of different threats, or have no sample in common.
    """
    threats = [run.result["threat"]["text"] for run in (before, after)]
    if threats[0] != threats[1]:
        raise UsageError(
            f"{before.folder} is under {threats[0]} and {after.folder} under {threats[1]}; which samples flipped can "
            "only be said under one threat"
        )
    old, new = statuses_of(before), statuses_of(after)
    keys = [key for key in new if key in old]
    if not keys:
        raise UsageError(
            f"{before.folder} and {after.folder} have no sample in common, by id and label; audit both models on the "
            "same data"
        )
    counts = Counter((old[key], new[key]) for key in keys)
    held = {pair: tuple(status in STANDING for status in pair) for pair in counts}
    lost = sum(count for pair, count in counts.items() if held[pair] == (True, False))
    gained = sum(count for pair, count in counts.items() if held[pair] == (False, True))
    drawn = all(sampling_of(run.result).drawn for run in (before, after))
    kept = sum(count for pair, count in counts.items() if held[pair] == (True, True))
    return Difference(
        pairs=len(keys),
        only_before=len(old) - len(keys),
        only_after=len(new) - len(keys),
        robust_before=kept + lost,
        robust_after=kept + gained,
        counts=counts,
        flips=tuple(_flips(after, old)),
        interval=difference_interval(Flips(len(keys), gained, lost), LEVEL) if drawn else None,
        notes=tuple(_notes(before.result, after.result)),
    )


def _flips(after: Run, old: dict[tuple[str, int], str]) -> list[Flip]:
    rows = after.records.select(["id", "label", "index", "status"]).to_pylist()
    was = [old.get((row["id"], row["label"])) for row in rows]
    return [
        Flip(row["id"], row["label"], row["index"], before, row["status"])
        for row, before in zip(rows, was, strict=True)
        if before is not None and before != row["status"]
    ]


def _notes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    suites = [suite_of(result) for result in (before, after)]
    doubtful = [
        result["verdict"] for result in (before, after) if result["verdict"] in ("invalid", "incomplete")
    ]
    notes = [f"the suites differ, {suites[0]} and {suites[1]}: a flip may be the attack's doing"]
    return (notes if suites[0] != suites[1] else []) + [
        f"one of the runs is {verdict}" for verdict in doubtful
    ]
