"""The books: what was found in each row and what it cost.

Findings travel with their rows while these are in flight and are written down when a row leaves. Every evaluated
point is recorded, so no success can be lost, and every charge is counted where it is made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from sparring.engine.contract import Ask, Seen, Task
from sparring.tensors import pick, take

__all__ = ["TRACE", "Findings", "Keep", "charge", "fresh", "record", "within"]

TRACE = 64
"""Length of a row's loss trace; longer searches are sampled evenly."""

Keep = Literal["first", "closest", "last"]
"""Which point of a row is kept: its first success, its closest success, or the last point it asked about."""


@dataclass(frozen=True)
class Findings:
    """What is known of each row, `(N,)` unless said otherwise.

    Args:
        adversarial: The kept point as the model was shown it, `(N, *shape)`; the input while there is none.
        success: A success was seen.
        distance: Of the kept success; infinite while there is none.
        history: What `distance` was after as many forwards as the task marks, `(N, M)`.
        margin: Best margin over all points: positive once the goal was reached anywhere, allowed or not.
        asks: How often the row was looked at.
        found_after: Passes (forwards and backwards) spent up to the first success; -1 while there is none.
        forwards, backwards: Passes charged.
        queries: Those forwards that asked for labels or scores only, as a remote attacker pays them.
        odd: Looks with an output or gradient that was not a finite number.
        trace: Best loss (best margin if only labels are seen) of evenly spaced looks, `(N, TRACE)`.
        finished: The row's search ended by itself: settled, out of steps, or out of budget.
    """

    adversarial: Tensor
    success: Tensor
    distance: Tensor
    history: Tensor
    margin: Tensor
    asks: Tensor
    found_after: Tensor
    forwards: Tensor
    backwards: Tensor
    queries: Tensor
    odd: Tensor
    trace: Tensor
    finished: Tensor


def fresh(task: Task) -> Findings:
    """Findings of rows that were never looked at."""
    count = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
    number = torch.full(count.shape, torch.inf, device=task.inputs.device)
    return Findings(
        adversarial=task.inputs,
        success=count > 0,
        distance=number,
        history=number[:, None].expand(-1, 0 if task.marks is None else task.marks.shape[1]),
        margin=-number,
        found_after=count - 1,
        trace=number.new_full((len(task), TRACE), torch.nan),
        finished=count > 0,
        **dict.fromkeys(("asks", "forwards", "backwards", "queries", "odd"), count),
    )


def within(most: Tensor | None, price: int, books: Findings, ask: Ask) -> Ask:
    """What can be paid of an ask with at `most` so many forwards `(B,)`: points in order, at `price` forwards each."""
    paid = None if most is None else books.forwards[:, None] + price * ask.asked().cumsum(1) <= most[:, None]
    return ask if paid is None else replace(ask, valid=ask.asked() & paid)


def charge(books: Findings, ask: Ask, climb: Tensor, losses: int) -> Findings:
    """Pay for one look at what is valid: a forward for each point, and `losses` backwards in rows that climb."""
    points = ask.points.shape[1] if ask.valid is None else ask.valid.sum(1)
    return replace(
        books,
        asks=books.asks + 1,
        forwards=books.forwards + points,
        backwards=books.backwards.add(points * climb, alpha=losses),
        queries=books.queries + points * ~climb,
    )


def record(books: Findings, task: Task, ask: Ask, seen: Seen, keep: Keep, length: int) -> Findings:
    """Write down one look; `length` is how many looks a row can have at most.

    `ask.valid` says which points were asked.
    """
    assert seen.margin is not None
    margin = seen.margin.float().nan_to_num(nan=-torch.inf)
    best = _highest(margin, ask.valid)
    loss = best if seen.losses is None else _highest(seen.losses[..., 0].float(), ask.valid)
    slot = ((books.asks - 1) * TRACE // max(length, TRACE)).clamp_max(TRACE - 1)
    books = replace(
        books,
        margin=torch.maximum(books.margin, best),
        odd=books.odd + seen.odd,
        trace=books.trace.scatter(1, slot[:, None], loss[:, None]),
    )
    news = seen.reached.any(1) & (~books.success | (keep == "closest"))
    books = _successes(books, task, ask, seen, news) if bool(news.any()) else books
    if keep == "last":
        last = ask.points[torch.arange(len(margin)), ask.asked().cumsum(1).argmax(1)]
        shown = task.threat.render(last, task.inputs)
        books = replace(books, adversarial=pick(ask.asked().any(1), shown, books.adversarial))
    return books if task.marks is None else _noted(books, task.marks)


def _highest(values: Tensor, valid: Tensor | None) -> Tensor:
    """The highest value `(B,)` of the valid points, of `(B, P)`."""
    return (values if valid is None else values.masked_fill(~valid, -torch.inf)).amax(1)


def _noted(books: Findings, marks: Tensor) -> Findings:
    """The distance of the moment stands for all marks that are still to come."""
    ahead = marks >= books.forwards[:, None]
    return replace(books, history=torch.where(ahead, books.distance[:, None], books.history))


def _successes(books: Findings, task: Task, ask: Ask, seen: Seen, news: Tensor) -> Findings:
    """Write down successes in the rows where they are `news`; of several points in a row the closest counts."""
    distance, nearest = seen.distance.min(1)
    closer = news & (distance < books.distance)
    rows = closer.nonzero().squeeze(1)
    threat, inputs = take((task.threat, task.inputs), rows)
    shown = threat.render(ask.at(rows, nearest[rows]), inputs)
    return replace(
        books,
        success=books.success | news,
        distance=torch.where(closer, distance, books.distance),
        adversarial=books.adversarial.index_copy(0, rows, shown),
        found_after=torch.where(news & ~books.success, books.forwards + books.backwards, books.found_after),
    )
