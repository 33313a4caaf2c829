"""Where the time of a run goes: CPU seconds and passes by part, ours and the authors'."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from _passes import Counting

from sparring.engine import Attack, Findings, Task
from sparring.evaluation import auditing
from sparring.evaluation.search import searching, stages

__all__ = ["Part", "metered", "metered_authors"]


@dataclass
class Part:
    """What a part cost: CPU seconds, and passes of all samples where they are known."""

    seconds: float = 0.0
    forwards: int = 0
    backwards: int = 0


Parts = dict[str, Part]


@contextmanager
def metered() -> Iterator[Parts]:
    """Fills a table with what our audits cost: looking for faster ways, the trial, each attack, verification."""
    parts: Parts = defaultdict(Part)

    def searched(model: Any, task: Task, attack: Attack, **options: Any) -> Findings:
        name = type(attack).__name__ + ("" if task.aim is None else ", aimed")
        found = _timed(parts[name], search, model, task, attack, **options)
        parts[name].forwards += int(found.forwards.sum())
        parts[name].backwards += int(found.backwards.sum())
        return found

    search = stages.search
    with (
        patch.object(stages, "search", searched),
        patch.object(auditing, "prepared", _part(parts, "faster ways", auditing.prepared)),
        patch.object(auditing, "fitted", _part(parts, "trial", auditing.fitted)),
        patch.object(searching, "verify_rows", _part(parts, "verification", searching.verify_rows)),
    ):
        yield parts


def metered_authors(attack: Any, counting: Counting) -> Parts:
    """Fills a table with what the attacks of the authors' AutoAttack cost, from now on."""
    parts: Parts = defaultdict(Part)
    named = {
        "APGD": attack.apgd,
        "APGD, aimed": attack.apgd_targeted,
        "FAB, aimed": attack.fab,
        "Square": attack.square,
    }
    for name, each in named.items():
        each.perturb = _counted(parts, name, each.perturb, counting)
    return parts


def _part(parts: Parts, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *given, **options: _timed(parts[name], work, *given, **options)


def _counted(parts: Parts, name: str, work: Callable[..., Any], counting: Counting) -> Callable[..., Any]:
    def counted(*given: Any, **options: Any) -> Any:
        forwards, backwards = counting.forwards, counting.backwards
        answer = _timed(parts[name], work, *given, **options)
        parts[name].forwards += counting.forwards - forwards
        parts[name].backwards += counting.backwards - backwards
        return answer

    return counted


def _timed(part: Part, work: Callable[..., Any], *given: Any, **options: Any) -> Any:
    began = time.process_time()
    try:
        return work(*given, **options)
    finally:
        part.seconds += time.process_time() - began
