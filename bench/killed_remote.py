"""An audit of a target behind an address, killed by SIGKILL at random instants: is any query paid twice?

`python bench/killed_remote.py` serves a small net on this machine, audits it once undisturbed, and once in processes
that are killed `--times` times while their requests are on the way; with `--workers N` their workers notice, and end.
The server counts the rows that it is shown: both
audits must have paid the same, and found the same.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the server ships with the tests

from sparring.demo import nets
from sparring.storage import load_run
from tests.models.server import Behaviour, Server, serving

AUDIT = """
import sys, sparring
from sparring.demo import nets
from sparring.evaluation.search import shards
from sparring.evaluation.workers import crew
shards.PAID, crew.LEASE = 8, 1.0
options = {"queries": 100, "out": sys.argv[2], "resume": True, "workers": int(sys.argv[3])}
sparring.audit(sys.argv[1], nets.images(24), "linf:0.1", "blackbox", **options)
"""
FILES = ("records.parquet", "attempts.parquet", "adversarial.safetensors")
LEARNING = 2 * 8


def main() -> None:
    """Audit, kill, go on, compare."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=10)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--workers", type=int, default=1)
    arguments = options.parse_args()
    chance = random.Random(arguments.seed)
    behaviour = Behaviour(nets.plain(), [-1, 1, 28, 28])
    with tempfile.TemporaryDirectory() as folder, serving(behaviour) as server:
        audit(server, Path(folder) / "whole", 1).wait()
        paid, result = behaviour.rows, load_run(Path(folder) / "whole").result
        places = [chance.randrange(1, paid) for _ in range(arguments.times)]
        kills = killed(server, Path(folder) / "killed", arguments.workers, places)
        again = behaviour.rows - paid
        same = all(
            (Path(folder) / "whole" / name).read_bytes() == (Path(folder) / "killed" / name).read_bytes()
            for name in FILES
        )
    asked = result["query_budget"]["asked"] + LEARNING
    print(f"undisturbed: the server was shown {paid:,} rows; the run says {asked:,}")
    print(f"killed {kills} times: {again:,} rows; tables and examples are {'equal' if same else 'DIFFERENT'}")
    sys.exit(not (same and paid == again == asked and kills == arguments.times))


def killed(server: Server, folder: Path, workers: int, places: list[int]) -> int:
    """Kill the audit each time that so many rows were paid, then let it finish; how often it was killed."""
    behaviour, before, kills = server.behaviour, server.behaviour.rows, 0
    for place in sorted(places):
        process = audit(server, folder, workers)
        behaviour.answer = killing(process.pid, before + place)
        kills += process.wait() == -signal.SIGKILL
        behaviour.answer = lambda handler, number: False
    audit(server, folder, workers).wait()
    return kills


def killing(pid: int, rows: int) -> Callable[[Any, int], bool]:
    """Kill a process once so many rows were shown, before the answer goes out."""
    once = threading.Lock()

    def answer(handler: Any, number: int) -> bool:
        if handler.server.behaviour.rows >= rows and once.acquire(blocking=False):
            os.kill(pid, signal.SIGKILL)
        return False

    return answer


def audit(server: Server, folder: Path, workers: int) -> subprocess.Popen[bytes]:
    """The audit, in a process of its own."""
    return subprocess.Popen([sys.executable, "-c", AUDIT, server.address, str(folder), str(workers)])


if __name__ == "__main__":
    main()
