"""How the commands below `sparring poison` end: files, a table or JSON, an exit code."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["command", "counting", "finish"]


def command() -> str:
    """What repeats this run."""
    return shlex.join(["sparring", *sys.argv[1:]])


def finish(document: Mapping[str, Any], page: str, summary: Any, out: Path, as_json: bool) -> None:
    """Write `result.json` and `report.html` into `out`, and tell what came of it."""
    from rich.console import Console

    from sparring.reports.html import save_html
    from sparring.storage.envelope import write_result

    write_result(document, out)
    save_html(page, out / "report.html")
    if as_json:
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return
    console = Console()
    console.print(summary)
    console.print(f"report: {(out / 'report.html').resolve()}", soft_wrap=True)


@contextmanager
def counting(title: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A function to tell how many are done, of how many; draws a bar on a terminal and is quiet when piped."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not (console.is_terminal and sys.stderr.isatty()):
        yield lambda done, total: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} {task.fields[unit]}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, unit=unit, rate="")

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, rate=f"{bar.tasks[0].speed or 0:.2g}")

        yield tell
