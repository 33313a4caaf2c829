"""Where an audit stands while it runs, for people who wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.attacks.suites import Stage
from sparring.engine import Progress, Task
from sparring.evaluation.ledger import Ledger
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import climbs
from sparring.tensors import take

__all__ = ["Standing", "Watch", "price", "standing_after", "teller", "together"]


@dataclass(frozen=True)
class Standing:
    """Where an audit stands; what is not settled can still go either way.

    Args:
        samples: All of them.
        correct: Classified correctly when clean.
        broken: Broken so far.
        settled: Nothing more will be done about these: clean errors, broken ones, survivors of the whole suite.
        stage: Name of the stage at work, with its aim or restart.
        passes: Forwards and backwards so far.
        passes_left: At most this many are still to come.
    """

    samples: int
    correct: int
    broken: int
    settled: int
    stage: str
    passes: int
    passes_left: int


Watch = Callable[[Standing], None]


def price(stage: Stage, task: Task) -> int:
    """Most passes that a sample can cost in one turn, as far as the first ask tells."""
    first = take(task, torch.arange(1, device=task.inputs.device))
    points = stage.attack.start(first).ask.points.shape[1]
    return (2 if climbs(stage, first) else 1) * points * (stage.attack.steps + 1)


def teller(
    ledger: Ledger, title: str, price: int, later: int, watch: Watch, final: bool = True
) -> Callable[[Progress], None]:
    """Turn the engine's progress in one attempt into the standing of the shard.

    A row costs `price` passes at most in this attempt, and `later` in those that follow, unless it breaks and that is
    `final`.
    """
    count = len(ledger.correct)
    correct, before = int(ledger.correct.sum()), int(ledger.broken.sum()) * final
    spent = int(ledger.forwards.sum() + ledger.backwards.sum())

    def tell(progress: Progress) -> None:
        broken = before + progress.broken
        after = correct - broken * final
        left = (progress.rows - progress.over) * price + after * later
        settled = count - (after if later else progress.rows - progress.over)
        watch(Standing(count, correct, broken, settled, title, spent + progress.passes, left))

    return tell


def standing_after(outcome: Outcome) -> Standing:
    """Where a shard stands when nothing more will be done about it."""
    ledger = outcome.ledger
    count, spent = len(ledger.correct), int((ledger.forwards + ledger.backwards).sum())
    return Standing(count, int(ledger.correct.sum()), int(ledger.broken.sum()), count, "", spent, 0)


def together(
    ledger: Ledger, shards: Mapping[int, Tensor], standings: Mapping[int, Standing], stage: str
) -> Standing:
    """The standing of an audit from those of the shards that were begun; the others will cost as much as these."""
    begun = standings.values()
    others = [rows for number, rows in shards.items() if number not in standings]
    after = ledger.correct[torch.cat(others)] if others else ledger.correct[:0]
    passes, left = sum(each.passes for each in begun), sum(each.passes_left for each in begun)
    price = (passes + left) / max(sum(each.correct for each in begun), 1)
    return Standing(
        samples=len(ledger.correct),
        correct=int(ledger.correct.sum()),
        broken=sum(each.broken for each in begun),
        settled=sum(each.settled for each in begun) + int((~after).sum()),
        stage=stage,
        passes=passes,
        passes_left=left + int(price * int(after.sum())),
    )
