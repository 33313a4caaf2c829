"""How many samples an attacker breaks with how many queries, for runs that read answers only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparring.evaluation.statistics import exact_interval
from sparring.reports.words import percent
from sparring.storage import Run
from sparring.storage.baseline import drawn

__all__ = ["Mark", "over_queries"]

_MARKS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000)


@dataclass(frozen=True)
class Mark:
    """What so many queries per sample break.

    Attributes:
        queries: First look and search; what verification asks comes on top.
        broken: Samples broken by then.
        share: Of the samples that were classified correctly as they are.
        interval: Of the share, where the samples were drawn at random.
    """

    queries: int
    broken: int
    share: str
    interval: str | None


def over_queries(run: Run) -> list[Mark]:
    """A line per round number of queries, and one for the most that a sample took; none where gradients were climbed.

    Nor is there one where the smallest change is looked for: there everything breaks, and how far is what counts.
    """
    if run.result["backwards"] or not run.result["forwards"] or "distances" in run.result:
        return []
    if "randomised" in run.result["body"]:
        return []
    found = [after for after in run.records["found_after"].to_pylist() if after is not None]
    most, correct = max(run.records["forwards"].to_pylist()), run.result["clean_correct"]
    marks = [*(mark for mark in _MARKS if mark < most), most] if correct else []
    return [_mark(run, mark, int((np.array(found) <= mark).sum()), correct) for mark in marks]


def _mark(run: Run, queries: int, broken: int, correct: int) -> Mark:
    interval = None
    if drawn(run.result):
        bounds = exact_interval(broken, correct)
        interval = f"{bounds.low:.1%} to {bounds.high:.1%}"
    return Mark(queries, broken, percent(broken, correct), interval)
