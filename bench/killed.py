"""Kill an audit at random instants, resume it, and compare its files with those of an audit that was left alone.

    python bench/killed.py --times 50

Each time, a process is killed by SIGKILL after a random while, up to three times, and then left to finish.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = ("records.parquet", "attempts.parquet", "adversarial.safetensors")
AUDIT = """
import sys, torch, sparring
from sparring.attacks import APGD, Square, margin
from sparring.attacks.suites import Stage
from sparring.demo import nets
from sparring.evaluation.search import shards
torch.set_num_threads(1)
shards.SHARD = 8
suite = (Stage("apgd", APGD(10, margin)), Stage("square", Square(40)))
sparring.audit(nets.plain(), nets.images(48), "linf:0.05", suite, out=sys.argv[1], resume=True)
"""


def main() -> None:
    """Kill, resume, compare."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=50)
    options.add_argument("--seed", type=int, default=0)
    arguments = options.parse_args()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        audit(Path(folder) / "whole").wait()
        length = time.monotonic() - began
        equal = sum(killed_once(Path(folder), number, length, chance) for number in range(arguments.times))
    print(f"{equal} of {arguments.times} ended with the same bytes in {', '.join(FILES)}")
    sys.exit(equal != arguments.times)


def killed_once(folder: Path, number: int, length: float, chance: random.Random) -> bool:
    """Kill up to three times, finish, and say whether all files are equal."""
    kills = 0
    for _ in range(3):
        process = audit(folder / str(number))
        time.sleep(chance.uniform(0, length))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    ended = audit(folder / str(number)).wait()
    same = all(
        (folder / "whole" / name).read_bytes() == (folder / str(number) / name).read_bytes() for name in FILES
    )
    print(
        f"{number}: killed {kills} times, then exit {ended}, {'equal' if same else 'DIFFERENT'}", flush=True
    )
    return same and ended == 0


def audit(folder: Path) -> "subprocess.Popen[bytes]":
    """The audit, in a process of its own."""
    return subprocess.Popen([sys.executable, "-c", AUDIT, str(folder)])


if __name__ == "__main__":
    main()
