"""Plant faults in a copy of the source, one at a time, and see whether the tests notice.

    python -m tests.faults.run                       all chosen faults and 30 drawn ones
    python -m tests.faults.run --chosen              the chosen ones alone
    python -m tests.faults.run --drawn 20 --seed 1   drawn ones alone
    python -m tests.faults.run --only "eps is"       those whose names hold these words

Prints a table in Markdown. Ends with 1 if more than 5% of the faults that are not equivalent survive.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.chosen import CHOSEN
from tests.faults.drawn import draw
from tests.faults.equivalent import EQUIVALENT
from tests.faults.fault import ROOT, Fault

TESTS = (
    "tests/faults/test_survivors.py",
    "tests/threat",
    "tests/engine",
    "tests/verify",
    "tests/evaluation",
    "tests/attacks",
    "tests/models/test_guard.py",
    "tests/test_domain.py",
    "tests/test_draws.py",
    "tests/test_tensors.py",
    "tests/cli/test_audit.py",
    "src/sparring/threat",  # the examples in its docstrings
)
PLUGINS = ("-p", "tests.faults.order", "-p", "no:cacheprovider")
MOST_SURVIVORS = 0.05
HEALTHY = Fault("no fault", "__init__.py", "", "", (), at=0)


def noticed_by(fault: Fault, tests: Sequence[str] = TESTS) -> str | None:
    """The first test that fails once the fault is planted, or None if it survives."""
    with tempfile.TemporaryDirectory() as folder:
        root = _copy(Path(folder))
        path = root / "src" / "sparring" / fault.file
        path.write_text(fault.planted(path.read_text()))
        likely = dict.fromkeys(each.partition("::")[0] for each in fault.tests)
        near = [each for each in likely if (root / each).exists()]
        return _first_failure(root, fault, near) or _first_failure(root, fault, tests)


def _first_failure(root: Path, fault: Fault, tests: Sequence[str]) -> str | None:
    """The first of the tests in these files that fails."""
    if not tests:
        return None
    environment = {
        **os.environ,
        "PYTHONPATH": f"{root / 'src'}:{root}",
        "FAULT_TESTS": " ".join(fault.tests),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "pytest", *PLUGINS, "-x", "--tb=no", *tests]
    run = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"^(?:FAILED|ERROR) (?:tests/)?(.+?)(?: - .*)?$", run.stdout, re.MULTILINE)
    if run.returncode > 0 and not found:
        raise RuntimeError(f"the tests did not run: {run.stdout}{run.stderr}")
    return found[1] if found else "the interpreter ended" if run.returncode else None


def _copy(folder: Path) -> Path:
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("test_faults.py"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _table(faults: list[Fault], workers: int) -> Iterator[tuple[Fault, str | None]]:
    """Each fault and what noticed it, printed as they come."""
    _say("| fault | file | first test that notices |\n| --- | --- | --- |")
    with ThreadPoolExecutor(workers) as pool:
        for fault, test in zip(faults, pool.map(noticed_by, faults), strict=True):
            verdict = f"`{test}`" if test else "*equivalent*" if fault.name in EQUIVALENT else "**survived**"
            _say(f"| {_cell(fault)} | `{fault.file}` | {verdict} |")
            yield fault, test


def _cell(fault: Fault) -> str:
    """A fault's name; those of drawn faults are code."""
    place, colon, change = fault.name.partition(": ")
    return (
        f"`{place.split()[-1]}: {change}`".replace("|", "\\|")
        if fault.at is not None and colon
        else fault.name
    )


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _asked(words: argparse.Namespace) -> list[Fault]:
    both = not words.chosen and words.drawn is None
    chosen = list(CHOSEN) if words.chosen or both else []
    drawn = (
        draw(30 if words.drawn is None else words.drawn, words.seed)
        if words.drawn is not None or both
        else []
    )
    return [fault for fault in (*chosen, *drawn) if words.only in fault.name]


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chosen", action="store_true")
    parser.add_argument("--drawn", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", metavar="WORDS")
    parser.add_argument("--workers", type=int, default=1, help="faults at a time")
    words = parser.parse_args()
    if failing := noticed_by(HEALTHY):
        _say(f"without any fault this test fails already: {failing}")
        return 1
    told = list(_table(_asked(words), words.workers))
    real = [(fault, test) for fault, test in told if test or fault.name not in EQUIVALENT]
    survivors = [fault.name for fault, test in real if not test]
    _say(
        f"\n{len(real) - len(survivors)} of {len(real)} caught; {len(told) - len(real)} more are equivalent."
    )
    return int(len(survivors) > MOST_SURVIVORS * len(real))


if __name__ == "__main__":
    sys.exit(main())
