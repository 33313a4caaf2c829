"""How the commands that change a run on paper end: files, report, a table."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparring.physical import PrintRun

__all__ = ["finish_print_run"]


def finish_print_run(run: PrintRun, folder: Path, as_json: bool) -> int:
    """Write the folder with its report; print a table, or the result for machines. Ends with 0: nothing is judged."""
    from rich.console import Console

    from sparring.physical import save_print_run
    from sparring.reports.html import save_html
    from sparring.reports.rooms.on_paper import paper_summary, render_paper

    saved = save_print_run(run, folder)
    save_html(render_paper(saved), folder / "report.html")
    if as_json:
        sys.stdout.write(
            json.dumps({**saved.envelope, "body": saved.facts}, indent=2, ensure_ascii=False) + "\n"
        )
        return 0
    console = Console()
    console.print(paper_summary(saved))
    for warning in saved.facts["warnings"]:
        console.print(f"warning: {warning}", markup=False, highlight=False)
    console.print(f"report: {(folder / 'report.html').resolve()}", soft_wrap=True)
    return 0
