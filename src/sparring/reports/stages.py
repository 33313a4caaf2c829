"""What each stage of the suite did."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sparring.storage import Run

__all__ = ["Stage", "stages"]


@dataclass(frozen=True)
class Stage:
    """One line of the table of stages; samples are counted once, however many aims and starts they had."""

    name: str
    settings: str
    tried: int
    broken: int
    unbroken: int
    passes: int


def stages(run: Run) -> list[Stage]:
    """A line per stage, in the order of the suite.

    A sample counts as broken in the first stage that broke it, and only if its record says so: an attempt
    that verification refused breaks nothing. Where the smallest change was looked for, it counts in the stage that
    found it.
    """
    broken_at_all = run.records.filter(pc.equal(run.records["status"], "broken"))["index"]
    attempts = run.attempts.filter(pc.is_in(run.attempts["index"], broken_at_all))
    successes = attempts.filter(pc.equal(attempts["outcome"], "broken"))
    seen: set[int] = set()
    lines = []
    for stage in run.result["suite"]["stages"]:
        tries = _of(run.attempts, stage["name"])
        new = set(_of(successes, stage["name"])["index"].to_pylist()) - seen
        seen |= new
        lines.append(
            Stage(
                name=stage["name"],
                settings=_settings(stage),
                tried=pc.count_distinct(tries["index"]).as_py(),
                broken=_nearest(run, stage["name"]) if "distances" in run.result else len(new),
                unbroken=run.result["clean_correct"] - len(seen),
                passes=_total(tries, "forwards") + _total(tries, "backwards"),
            )
        )
    return lines


def _nearest(run: Run, stage: str) -> int:
    """Samples whose smallest change this stage found."""
    return int(pc.sum(pc.equal(run.records["attack"], stage)).as_py() or 0)


def _of(attempts: pa.Table, stage: str) -> pa.Table:
    return attempts.filter(pc.equal(attempts["stage"], stage))


def _total(attempts: pa.Table, column: str) -> int:
    return int(pc.sum(attempts[column]).as_py() or 0)


def _settings(stage: dict[str, Any]) -> str:
    """The attack and its settings as a reader would say them: "apgd, 100 steps, 9 aims"."""
    said = [(stage.get("steps"), "step"), (stage.get("aims"), "aim"), (stage.get("restarts"), "restart")]
    # one aim and one restart go without saying
    counts = [f"{count:,} {word}s" for count, word in said if count and count > 1]
    return ", ".join([stage["attack"], *counts])
