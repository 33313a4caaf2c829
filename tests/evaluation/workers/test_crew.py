"""Several processes share one plan: records never change, and workers may die at any time."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

import sparring
from sparring.attacks import APGD, Square, margin
from sparring.attacks.suites import Stage
from sparring.demo import nets
from sparring.errors import DataError, Interrupted, UsageError
from sparring.evaluation import auditing
from sparring.evaluation.search import shards
from sparring.evaluation.workers import crew, processes
from sparring.storage import load_run
from sparring.storage.index import connected
from sparring.storage.index.schema import LEASES
from tests.storage.test_index import store  # noqa: F401  (the same databases)

SUITE = (Stage("apgd", APGD(10, margin)), Stage("square", Square(100)))
FILES = ("records.parquet", "attempts.parquet", "adversarial.safetensors")

FACTORY = """
import torch
from sparring.demo import nets
def make():
    return nets.plain()
def moody():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
"""


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(shards, "SHARD", 8)
    monkeypatch.setattr(
        auditing, "applies", lambda plan: False
    )  # the trial takes its time, and no part in this


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The folder of the same run, searched by one process."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD", 8)
        patch.setattr(auditing, "applies", lambda plan: False)
        _audit(folder)
    return folder


@pytest.fixture
def started(monkeypatch):
    """The worker processes that were started, in order."""
    noted = []

    class Noted(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            noted.append(self)

    monkeypatch.setattr(processes.subprocess, "Popen", Noted)
    return noted


def _audit(out, model=None, **options):
    model = nets.plain() if model is None else model
    return sparring.audit(model, nets.images(40), "linf:0.05", SUITE, out=out, **options)


def _equal(one: Path, other: Path):
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in FILES)


@pytest.mark.parametrize(("workers", "batch", "source"), [(2, 256, "code"), (4, 8, "memory")])
def test_records_depend_on_neither_workers_nor_batch(alone, tmp_path, workers, batch, source):
    """A model from code is loaded again by every worker; one in memory travels itself."""
    (tmp_path / "code.py").write_text(FACTORY)
    told, model = [], f"{tmp_path}/code.py:make" if source == "code" else nets.plain()
    run = _audit(tmp_path / "run", model, workers=workers, batch=batch, watch=told.append)
    assert _equal(alone, tmp_path / "run")
    assert not list(tmp_path.glob("run/leases*")) and not (tmp_path / "run" / "cut-short").exists()
    broken = run.records["status"].to_pylist().count("broken")
    assert (told[-1].samples, told[-1].settled, told[-1].broken) == (40, 40, broken)
    assert all(each.settled <= 40 and each.correct == run.result["clean_correct"] for each in told)


def test_a_worker_that_is_killed_is_survived(alone, tmp_path, started):
    def kill(standing):
        if started[0].poll() is None:
            started[0].send_signal(signal.SIGKILL)

    _audit(tmp_path, workers=2, watch=kill)
    assert started[0].returncode == -signal.SIGKILL
    assert _equal(alone, tmp_path)


def test_when_all_workers_are_killed_the_parent_searches_alone(alone, tmp_path, started):
    def kill(standing):
        for each in started:
            each.kill()

    _audit(tmp_path, workers=2, watch=kill)
    assert len(started) == 2 and _equal(alone, tmp_path)


def test_the_shard_of_a_worker_that_hangs_is_taken_over(alone, tmp_path, started, monkeypatch):
    monkeypatch.setattr(crew, "LEASE", 1.0)
    hung = []

    def stop(standing):
        if not hung:
            hung.append(started[0])
            os.kill(started[0].pid, signal.SIGSTOP)

    _audit(tmp_path, workers=2, watch=stop)
    assert _equal(alone, tmp_path)


def test_ctrl_c_ends_the_workers_and_keeps_what_they_found(alone, tmp_path, started):
    def interrupt(standing):
        if standing.settled - (standing.samples - standing.correct) > 8:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as stop:
        _audit(tmp_path, workers=2, watch=interrupt)
    assert all(each.poll() is not None for each in started)
    statuses = load_run(tmp_path).records["status"].to_pylist()
    assert stop.value.findings.verdict == "incomplete" and {"unfinished", "broken"} <= set(statuses)
    _audit(tmp_path, workers=2, resume=True)
    assert _equal(alone, tmp_path)


def test_finished_shards_are_not_searched_again_by_workers(alone, tmp_path, started):
    _audit(tmp_path)
    damaged = min((tmp_path / "shards").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:100])
    _audit(tmp_path, workers=3, resume=True)
    assert len(started) == 1, "one shard is work for one"
    assert _equal(alone, tmp_path)


def test_leases_may_be_in_another_database(alone, tmp_path, store):  # noqa: F811
    _audit(tmp_path / "run", workers=2, store=store)
    assert _equal(alone, tmp_path / "run")
    engine = connected(store)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(LEASES)).scalar() == 0, (
            "all were given back"
        )
    engine.dispose()


def test_a_model_that_is_another_one_each_time_is_refused(tmp_path):
    (tmp_path / "code.py").write_text(FACTORY)
    with pytest.raises(UsageError, match="not the same when a worker loads it again"):
        _audit(tmp_path / "run", f"{tmp_path}/code.py:moody", workers=2)


def test_a_model_that_cannot_travel_is_refused_before_anything_is_spent(tmp_path, started):
    net = nets.plain()
    with pytest.raises(UsageError, match="cannot be sent to worker processes"):
        _audit(tmp_path, lambda inputs: net(inputs), workers=2)
    assert not started


def test_a_class_of_the_main_program_cannot_travel(tmp_path):
    script = """
import sparring, torch
from sparring.demo import nets
class Mine(torch.nn.Module):
    def forward(self, inputs):
        return net(inputs)
net = nets.plain()
try:
    sparring.audit(Mine(), nets.images(8), "linf:0.05", "smoke", workers=2)
except sparring.errors.UsageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "cannot be sent to worker processes" in done.stdout and "Traceback" not in done.stderr


def test_no_worker_is_refused():
    with pytest.raises(UsageError, match="at least one worker"):
        _audit(None, workers=0)


def test_a_fault_in_a_worker_ends_the_audit_and_names_it(tmp_path):
    (tmp_path / "late.py").write_text(
        "import torch, os\nfrom sparring.demo import nets\nhome = os.getpid()\n"
        "class Late(torch.nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.net = nets.plain()\n        self.calls = 0\n"
        "    def forward(self, inputs):\n        self.calls += 1\n"
        f"        if self.calls > 5 and os.getpid() != {os.getpid()}:\n            raise ValueError('late')\n"
        "        return self.net(inputs)\n"
    )
    with pytest.raises(sparring.errors.ModelError, match="ValueError: late"):
        _audit(tmp_path / "run", f"{tmp_path}/late.py:Late", workers=2)


def test_a_store_that_is_gone_costs_work_and_nothing_else(alone, tmp_path):
    def remove(standing):
        (tmp_path / "leases.sqlite").write_bytes(b"no database" * 1000)

    _audit(tmp_path, workers=2, watch=remove)
    assert _equal(alone, tmp_path)


def test_a_full_disk_under_a_worker_is_one_sentence_and_loses_nothing(alone, tmp_path, monkeypatch):
    """A limit on the size of files stands for the full disk: above the store of the leases, below a shard."""
    monkeypatch.setattr(shards, "SHARD", 40)
    full = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))}
    with monkeypatch.context() as patch:
        popen = subprocess.Popen
        patch.setattr(processes.subprocess, "Popen", lambda *args, **options: popen(*args, **options, **full))
        with pytest.raises(DataError, match=r"cannot be written: File too large.*--resume"):
            _audit(tmp_path, workers=2)
    _audit(tmp_path, resume=True)
    assert (alone / FILES[0]).read_bytes() == (tmp_path / FILES[0]).read_bytes()
