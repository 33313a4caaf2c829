"""`sparring audit --workers`, as a user runs and stops it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from sparring.storage import load_run

DEMO = """
from sparring.demo import nets
def make():
    return nets.plain()
def data():
    return nets.images(1000)
"""
MAIN = """
import sys
from sparring.cli import main
from sparring.evaluation.search import shards
sys.argv[0] = "sparring"
shards.SHARD = 8
main()
"""
WORDS = [
    "audit",
    "--model",
    "demo.py:make",
    "--data",
    "demo.py:data",
    "--threat",
    "linf:0.3",
    "--suite",
    "smoke",
    "--out",
    "run",
    "--workers",
    "2",
]


@pytest.fixture
def audit(tmp_path):
    """Start the command line in a folder with a model and 1,000 images: 125 shards."""
    (tmp_path / "demo.py").write_text(DEMO)

    def start(*words):
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, *WORDS, *words],
            cwd=tmp_path, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    return start


def test_ctrl_c_ends_with_130_and_leaves_a_run_and_no_process(audit, tmp_path):
    process = audit()
    while process.poll() is None and not list(tmp_path.glob("run/shards/*.safetensors")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "INCOMPLETE" in out and err == "sparring: interrupted; what was found so far is kept\n"
    run = load_run(tmp_path / "run")
    assert run.verdict == "incomplete" and {"broken", "unfinished"} <= set(run.records["status"].to_pylist())
    left = subprocess.run(
        ["pgrep", "-f", f"worker import main.* {process.pid}"], capture_output=True, text=True
    )
    assert left.stdout == "", "a worker is left behind"


def test_workers_do_not_outlive_a_parent_that_was_killed(audit, tmp_path):
    process = audit()
    while process.poll() is None and not list(tmp_path.glob("run/shards/*.safetensors")):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    pattern, end = f"worker import main.* {process.pid}", time.monotonic() + 30
    while subprocess.run(["pgrep", "-f", pattern], capture_output=True).returncode == 0:
        assert time.monotonic() < end, "a worker lives on"
        time.sleep(0.1)
