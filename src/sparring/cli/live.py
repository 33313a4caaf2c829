"""The live display of an audit: what is settled, how fast, and what robust accuracy can still become."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sparring.engine.loop import Progress
from sparring.evaluation import Standing

__all__ = ["duration", "searching", "watching"]


@contextmanager
def watching(title: str) -> Iterator[Callable[[Standing], None]]:
    """A function to tell the standing to; it draws on a terminal, and says nothing when the output is piped."""
    console = Console(stderr=True)
    if not (console.is_terminal and sys.stderr.isatty()):
        yield lambda standing: None
        return
    began = time.monotonic()
    with Live(
        Text(f"{title}: looking at the model"), console=console, transient=True, refresh_per_second=5
    ) as live:
        yield lambda standing: live.update(_picture(title, standing, time.monotonic() - began))


@contextmanager
def searching(title: str) -> Iterator[Callable[[str, Progress], None]]:
    """The same for single searches, one after the other: a function to tell what is done and how far it is."""
    console = Console(stderr=True)
    if not (console.is_terminal and sys.stderr.isatty()):
        yield lambda what, progress: None
        return
    began: dict[str, float] = {}
    with Live(Text(f"{title}: looking at the model"), console=console, transient=True) as live:

        def tell(what: str, progress: Progress) -> None:
            seconds = time.monotonic() - began.setdefault(what, time.monotonic())
            live.update(_search(title, what, progress, seconds))

        yield tell


def _search(title: str, what: str, progress: Progress, seconds: float) -> Table:
    """Two lines about one search."""
    rate, over = progress.passes / max(seconds, 1e-9), max(progress.over, 1e-9)
    left = "" if not progress.over else f"about {duration(seconds * (progress.rows - over) / over)} left"
    picture = Table.grid(padding=(0, 2))
    picture.add_row(Text(title, style="bold"), Text(what))
    bar = ProgressBar(total=progress.rows, completed=progress.over, width=40)
    picture.add_row(bar, f"{progress.over} of {progress.rows} done, {rate:,.0f} passes per second {left}")
    return picture


def _picture(title: str, standing: Standing, seconds: float) -> Table:
    """A few lines about where the audit stands."""
    rate = standing.passes / max(seconds, 1e-9)
    unbroken = standing.correct - standing.broken
    survived = standing.settled - (standing.samples - standing.correct) - standing.broken
    picture = Table.grid(padding=(0, 2))
    picture.add_row(Text(title, style="bold"), Text(standing.stage))
    bar = ProgressBar(total=standing.samples, completed=standing.settled, width=40)
    picture.add_row(bar, f"{standing.settled} of {standing.samples} settled, {standing.broken} broken")
    picture.add_row(
        f"{rate:,.0f} passes per second", f"at most {duration(standing.passes_left / max(rate, 1e-9))} left"
    )
    picture.add_row(
        "robust accuracy", f"between {survived / standing.samples:.1%} and {unbroken / standing.samples:.1%}"
    )
    return picture


def duration(seconds: float) -> str:
    """A time that is left, in its largest two units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
    )
