"""How commands end that write a `result.json` of their own and a page: files, then a table or JSON."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["command", "finish"]


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
