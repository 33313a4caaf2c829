"""`sparring runs show`: the summary of one run."""

from __future__ import annotations

import sys
from pathlib import Path

from sparring.cli.options import StoreUrl
from sparring.cli.run_audit import finish
from sparring.cli.runs.options import AsJson, RunsFolder, RunWord

__all__ = ["show"]


def show(
    run: RunWord, runs: RunsFolder = Path("runs"), store: StoreUrl = None, as_json: AsJson = False
) -> int:
    """Print the summary that a run ended with, or how far it came. Ends with 0 whatever the verdict."""
    from sparring.storage import load_run
    from sparring.storage.index import found_run
    from sparring.storage.progress import PLAN, RESULT

    folder = found_run(run, runs, store)
    if (folder / PLAN).is_file() and not (folder / RESULT).is_file():
        count = len(list(folder.glob("shards/*.safetensors")))
        sys.stdout.write(
            f"{folder} is unfinished: {count} finished shards; go on with the same audit and --resume\n"
        )
        return 0
    finish(load_run(folder), as_json)
    return 0
