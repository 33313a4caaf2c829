"""The loop that runs every attack.

Rows are in flight as requests are in a language-model server: a row leaves the moment it is settled, and rows
from the queue join in its place, so each look is at a full batch of rows that still matter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from sparring.engine.ask import Look, hide, judged
from sparring.engine.books import Findings, Keep, charge, fresh, record, within
from sparring.engine.contract import Attack, Seen, Task, Want, wants
from sparring.engine.memory import in_memory
from sparring.engine.precision import in_precision
from sparring.errors import Exhausted, Interrupted
from sparring.tensors import join, take, tree_map

__all__ = ["Progress", "Retire", "search"]

Retire = Literal["first", "never"]
"""When a row is settled: by its first success, or never before its steps are done."""


@dataclass(frozen=True)
class Progress:
    """Where a search stands: rows that are over, rows broken so far, and passes charged so far."""

    rows: int
    over: int
    broken: int
    passes: int


@dataclass(frozen=True)
class _Panel:
    """Who is asked: the model that is searched, and who decides about success.

    Args:
        model: Searched, perhaps in low precision.
        judge: Sees every point, if somebody else than the model decides.
        exact: The model itself, in float32; sees what a search in low precision, or sped up, takes for a success.
    """

    model: Look
    judge: Look | None
    exact: Look | None

    @property
    def price(self) -> int:
        """Most forwards that one point can cost."""
        return 1 if self.judge is None and self.exact is None else 2


@dataclass(frozen=True)
class _Flight:
    """Rows in flight; every tensor has a row per row. `most` is what each may spend on forwards; None: no end."""

    index: Tensor
    task: Task
    most: Tensor | None
    state: Any
    books: Findings


def search(
    model: Look,
    task: Task,
    attack: Attack,
    *,
    judge: Look | None = None,
    exact: Look | None = None,
    retire: Retire = "first",
    keep: Keep = "first",
    batch: int = 64,
    budget: int | Tensor | None = None,
    precision: torch.dtype = torch.float32,
    progress: Callable[[Progress], None] | None = None,
) -> Findings:
    """Run `attack` on every row of `task`.

    A success is a point where the goal is reached inside the threat, as the judge sees it in float32. What a row
    costs and what is found in it depend on the row alone, not on `batch`, its mates or their order.

    Args:
        model: Searched: inputs `(N, *shape)` to outputs with N rows.
        task: The rows.
        attack: Proposes the points.
        exact: The model itself if `model` is a faster way to compute it; shown what is taken for a success.
        judge: The model under attack if `model` is a stand-in for it; every point is shown, and charged, to both.
        retire: `first`: a row is settled by its first success; `never`: every row takes all its steps.
        keep: Which point is kept.
        batch: Most points shown at once; a matter of memory, not of results.
        budget: Most forwards per row, or `(N,)` of each, kept exactly.
        precision: Of the search; what it finds below float32 is shown to the model in float32 before it counts.
        progress: Called a few times a second.

    Raises:
        Interrupted: On Ctrl-C, or if an engagement allows no more; `findings` holds what was found so far.
    """
    exact = exact or (None if precision is torch.float32 else model)
    panel = _Panel(in_precision(model, precision), judge, exact)
    found = tree_map(Tensor.clone, fresh(task))
    queue, flight = torch.arange(len(task), device=task.inputs.device), None
    tell = _teller(found, progress)
    most = None if budget is None else torch.as_tensor(budget, device=queue.device).expand(len(task))
    try:
        while flight is not None or len(queue):
            flight, queue = _refill(flight, queue, task, most, attack, batch)
            flight, seen, batch = _look(flight, attack, panel, keep, batch)
            flight = _advance(found, flight, attack, seen, _over(flight, attack, panel, retire))
            del seen  # gradients that the next look has no use for
            tell(flight)
    except (KeyboardInterrupt, Exhausted) as stop:
        if flight is not None:
            settled = flight.books.success & (retire == "first")
            _write(found, flight, torch.ones_like(settled), finished=settled)
        raise Interrupted(str(stop) or "interrupted; what was found so far is kept", findings=found) from None
    return found


def _refill(
    flight: _Flight | None, queue: Tensor, task: Task, most: Tensor | None, attack: Attack, batch: int
) -> tuple[_Flight, Tensor]:
    """Let rows from the queue join once an eighth of the batch is free: joining copies the whole flight."""
    room = batch - (0 if flight is None else len(flight.index))
    if flight is not None and (not len(queue) or room < max(1, batch // 8)):
        return flight, queue
    index, queue = queue[:room], queue[room:]
    mine, most = take((task, most), index)
    new = _Flight(index, mine, most, attack.start(mine), fresh(mine))
    return new if flight is None else join(flight, new), queue


def _look(
    flight: _Flight, attack: Attack, panel: _Panel, keep: Keep, batch: int
) -> tuple[_Flight, Seen, int]:
    """One look for every row in flight, paid and written down."""
    state = replace(flight.state, ask=within(flight.most, panel.price, flight.books, flight.state.ask))
    # nothing is done with a gradient at the last point
    climb = (wants(state.ask) == Want.GRADIENTS) & (flight.books.asks < attack.steps)
    seen, batch = in_memory(panel.model, attack, flight.task, state, climb, batch)
    losses = 0 if seen.losses is None else seen.losses.shape[-1]
    books = charge(flight.books, state.ask, climb, losses)
    decides = panel.judge or panel.exact
    if decides is not None and (panel.judge is not None or bool(seen.reached.any())):
        asked = seen.reached if panel.judge is None else state.ask.asked()
        seen = replace(seen, distance=judged(decides, flight.task, state.ask, asked))
        books = replace(books, forwards=books.forwards + asked.sum(1), queries=books.queries + asked.sum(1))
    books = record(books, flight.task, state.ask, seen, keep, attack.steps + 1)
    return replace(flight, state=state, books=books), hide(seen, flight.task, state.ask), batch


def _over(flight: _Flight, attack: Attack, panel: _Panel, retire: Retire) -> Tensor:
    """Which rows need no further look: settled, out of steps, or unable to pay for one more point."""
    over = (flight.books.asks > attack.steps) | (flight.books.success & (retire == "first"))
    return over if flight.most is None else over | (flight.books.forwards + panel.price > flight.most)


def _advance(found: Findings, flight: _Flight, attack: Attack, seen: Seen, over: Tensor) -> _Flight | None:
    """Let the attack take its next step in the rows that are not `over`; those and what it calls done leave."""
    if bool(over.any()):
        _write(found, flight, over)
        if bool(over.all()):
            return None
        flight, seen = take(flight, ~over), take(seen, ~over)
    flight = replace(flight, state=attack.step(flight.task, flight.state, seen))
    done = flight.state.done
    if done is None or not bool(done.any()):
        return flight
    _write(found, flight, done)
    return None if bool(done.all()) else take(flight, ~done)


def _write(found: Findings, flight: _Flight, rows: Tensor, finished: Tensor | None = None) -> None:
    """Write the books of `rows` down in their places; they are finished unless said otherwise."""
    index = flight.index[rows]
    books = replace(flight.books, finished=torch.ones_like(rows) if finished is None else finished)
    for whole, mine in zip(vars(found).values(), vars(books).values(), strict=True):
        whole[index] = mine[rows]


def _teller(found: Findings, progress: Callable[[Progress], None] | None) -> Callable[[_Flight | None], None]:
    """A function that reports where the search stands, at most five times a second and once at the end."""
    last = 0.0

    def tell(flight: _Flight | None) -> None:
        nonlocal last
        if progress is None or (flight is not None and time.monotonic() - last < 0.2):
            return
        last = time.monotonic()
        books = [found] if flight is None else [found, flight.books]
        passes = sum(int(each.forwards.sum() + each.backwards.sum()) for each in books)
        progress(Progress(len(found.success), int(found.finished.sum()), int(found.success.sum()), passes))

    return tell
