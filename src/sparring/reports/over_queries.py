"""What an attacker gets for how many queries, for runs that read answers only: samples broken, or smallest changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparring.evaluation.ledger import MARKS
from sparring.evaluation.statistics import exact_interval
from sparring.reports.gallery import distance
from sparring.reports.words import percent
from sparring.storage import Run
from sparring.storage.baseline import drawn

__all__ = ["Mark", "Nearer", "nearer_over_queries", "over_queries"]


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


@dataclass(frozen=True)
class Nearer:
    """How close so many queries per sample come.

    Attributes:
        queries: First look and search; what verification asks comes on top.
        found: Samples with a change that breaks them.
        median: The smallest change known by then, of the samples that were classified correctly as they are.
        interval: Of the median, where the samples were drawn at random.
    """

    queries: int
    found: int
    median: str
    interval: str | None


def over_queries(run: Run) -> list[Mark]:
    """A line per round number of queries, and one for the most that a sample took; none where gradients were climbed.

    Nor is there one where the smallest change is looked for: there everything breaks, and how far is what counts.
    """
    if any(run.attempts["backwards"].to_pylist()) or not run.result["forwards"] or "distances" in run.result:
        return []
    correct = run.result["clean_correct"]
    if "randomised" in run.result["body"] or not correct:
        return []
    found = [after for after in run.records["found_after"].to_pylist() if after is not None]
    most = max(run.records["forwards"].to_pylist())
    marks = [*(mark for mark in MARKS if mark < most), most]
    return [_mark(run, mark, int((np.array(found) <= mark).sum()), correct) for mark in marks]


def nearer_over_queries(run: Run) -> list[Nearer]:
    """The same where the smallest change is looked for; none where it is not, or gradients were climbed."""
    lines = run.result.get("distances", {}).get("after") or []
    return [
        Nearer(
            queries=line["queries"],
            found=line["found"],
            median="none for half of them" if line["median"] is None else distance(run, line["median"]),
            interval=_between(run, line["low"], line["high"]) if drawn(run.result) else None,
        )
        for line in lines
    ]


def _between(run: Run, low: float | None, high: float | None) -> str:
    """The bounds of a median; a missing one says nothing."""
    if low is None:
        return "unknown" if high is None else f"at most {distance(run, high)}"
    return (
        f"{distance(run, low)} or more" if high is None else f"{distance(run, low)} to {distance(run, high)}"
    )


def _mark(run: Run, queries: int, broken: int, correct: int) -> Mark:
    interval = None
    if drawn(run.result):
        bounds = exact_interval(broken, correct)
        interval = f"{bounds.low:.1%} to {bounds.high:.1%}"
    return Mark(queries, broken, percent(broken, correct), interval)
