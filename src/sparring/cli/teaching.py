"""The live display of a training: how far, how fast, and how clean and robust accuracy go."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sparring.cli.live import duration
from sparring.training import Progress

__all__ = ["teaching"]

SHOWN = 8
"""Epochs on the screen, the last ones."""


@contextmanager
def teaching(title: str, shown: bool) -> Iterator[Callable[[Progress], None]]:
    """A function to tell progress to; it draws on a terminal, and says nothing when the output is piped."""
    console = Console(stderr=True)
    if not (shown and console.is_terminal and sys.stderr.isatty()):
        yield lambda progress: None
        return
    with Live(Text(f"{title}: looking at the model"), console=console, transient=True) as live:
        yield lambda progress: live.update(_picture(title, progress))


def _picture(title: str, progress: Progress) -> Table:
    """A bar, and a line per epoch."""
    picture = Table.grid(padding=(0, 2))
    done = f"update {progress.step:,} of {progress.steps:,}"
    rate = progress.step / max(progress.seconds, 1e-9)
    left = f", about {duration((progress.steps - progress.step) / rate)} left" if progress.step else ""
    picture.add_row(Text(title, style="bold"), f"{rate:.1f} updates per second, loss {progress.loss:.3f}")
    picture.add_row(ProgressBar(total=progress.steps, completed=progress.step, width=40), done + left)
    first = max(0, len(progress.curve) - SHOWN)
    for number, epoch in enumerate(progress.curve[first:], first):
        if epoch.clean is not None:
            robust = "" if epoch.robust is None else f", {epoch.robust:.1%} robust"
            picture.add_row(f"epoch {number}" if number else "before", f"{epoch.clean:.1%} clean{robust}")
    return picture
