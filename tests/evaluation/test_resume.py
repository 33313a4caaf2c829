"""An audit that was killed goes on where it was, and ends with the same records, byte for byte."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
import torch

import sparring
from sparring.attacks import FAB, PGD, Square, margin
from sparring.attacks.suites import Stage
from sparring.errors import DataError, Interrupted, UsageError
from sparring.evaluation import auditing
from sparring.evaluation.search import shards
from sparring.storage import load_run
from sparring.testing import half_space
from sparring.threat import Linf
from tests.interrupting import Interrupts

SUITE = (Stage("pgd", PGD(10, loss=margin)), Stage("fab", FAB(4), aims=1), Stage("square", Square(30)))


@pytest.fixture
def problem(monkeypatch):
    monkeypatch.setattr(shards, "SHARD", 16)
    return half_space(Linf(0.05), rows=60)


def _audit(problem, **options):
    data = (problem.task.inputs, problem.task.goal.labels)
    options = {"model": problem.model, "suite": SUITE, **options}
    return sparring.audit(options.pop("model"), data, Linf(0.05), options.pop("suite"), **options)


def test_shards_change_nothing(problem, monkeypatch, tmp_path):
    cut = _audit(problem, out=tmp_path / "cut")
    monkeypatch.setattr(shards, "SHARD", 1000)
    whole = _audit(problem)
    assert cut.records.equals(whole.records)
    for name in ("index", "adversarial", "gallery_adversarial"):
        assert torch.equal(cut.tensors[name], whole.tensors[name])
    assert len(list((tmp_path / "cut" / "shards").glob("*.safetensors"))) == 4
    by = [("id", "ascending"), ("stage", "ascending"), ("start", "ascending")]
    assert cut.attempts.sort_by(by).equals(whole.attempts.sort_by(by))


def test_finished_shards_are_not_searched_again(problem, tmp_path):
    first = _audit(problem, out=tmp_path / "run")
    shown = []
    handle = problem.model.register_forward_pre_hook(lambda _, inputs: shown.append(len(inputs[0])))
    again = _audit(problem, out=tmp_path / "run", resume=True)
    handle.remove()
    assert again.records.equals(first.records) and again.attempts.equals(first.attempts)
    assert torch.equal(again.tensors["adversarial"], first.tensors["adversarial"])
    assert sum(shown) < 60 + 64, "more was shown than the first look needs"


def test_an_interrupted_audit_goes_on(problem, tmp_path):
    counting = Interrupts(problem.model, -1)
    _audit(problem, model=counting)
    with pytest.raises(Interrupted):
        _audit(problem, model=Interrupts(problem.model, -counting.after - 60), out=tmp_path / "run")
    cut = load_run(tmp_path / "run")
    assert cut.verdict == "incomplete"
    statuses = cut.records["status"].to_pylist()
    assert {"robust", "unfinished"} <= set(statuses), "finished shards keep their survivors"
    whole = _audit(problem, model=Interrupts(problem.model, -1), out=tmp_path / "run", resume=True)
    assert whole.verdict == "measured"
    assert whole.records.equals(_audit(problem).records)


CHANGES = {
    "seed": {"seed": 1},
    "suite": {"suite": SUITE[:2]},
    "settings": {"suite": (Stage("pgd", PGD(11, loss=margin)), *SUITE[1:])},
    "precision": {"precision": "bfloat16"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_plan_never_reuses_a_run(problem, tmp_path, change):
    _audit(problem, out=tmp_path / "run")
    with pytest.raises(UsageError, match="holds another run"):
        _audit(problem, out=tmp_path / "run", resume=True, **CHANGES[change])


def test_an_interrupted_trial_keeps_a_run_to_go_on_with(problem, tmp_path):
    calls = []

    def stopped(plan, ledger):
        calls.append(plan)
        raise Interrupted("stopped")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auditing, "fitted", stopped)
        with pytest.raises(Interrupted):
            _audit(problem, out=tmp_path / "run")
    assert calls and load_run(tmp_path / "run").verdict == "incomplete"
    assert _audit(problem, out=tmp_path / "run", resume=True).records.equals(_audit(problem).records)


def test_a_changed_model_never_reuses_a_shard(problem, tmp_path):
    first = _audit(problem, out=tmp_path / "run")
    with torch.no_grad():
        problem.model.normal.mul_(-1)
    with pytest.raises(UsageError, match="holds another run"):
        _audit(problem, out=tmp_path / "run", resume=True)
    with torch.no_grad():
        problem.model.normal.mul_(-1)
    problem.model.offset += 0.5  # a plain attribute: no file and no weight shows it
    changed = _audit(problem, out=tmp_path / "run", resume=True)
    assert not changed.records.equals(first.records)
    assert changed.records.equals(_audit(problem).records)


def test_a_run_is_not_overwritten_by_accident(problem, tmp_path):
    _audit(problem, out=tmp_path / "run")
    with pytest.raises(UsageError, match="give resume"):
        _audit(problem, out=tmp_path / "run")


def test_two_audits_do_not_write_into_one_folder(problem, tmp_path):
    from sparring.storage.claim import claimed

    with claimed(tmp_path / "run"), pytest.raises(UsageError, match="another process"):
        _audit(problem, out=tmp_path / "run")


def test_a_damaged_shard_is_searched_again(problem, tmp_path):
    first = _audit(problem, out=tmp_path / "run")
    for path in (tmp_path / "run" / "shards").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert _audit(problem, out=tmp_path / "run", resume=True).records.equals(first.records)


def test_a_full_disk_keeps_finished_shards_and_resume_goes_on(problem, tmp_path, monkeypatch):
    flush, kept = os.fsync, tmp_path / "run" / "shards"

    def full(descriptor):
        if kept.exists() and len(list(kept.glob("[!.]*"))) == 2:
            raise OSError(28, "No space left on device")
        flush(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DataError, match=r"No space left on device; finished shards are kept.*--resume"):
            _audit(problem, out=tmp_path / "run")
    assert len(list(kept.iterdir())) == 2, "no half-written file is left"
    assert _audit(problem, out=tmp_path / "run", resume=True).records.equals(_audit(problem).records)


def test_ctrl_c_while_a_shard_is_written_waits_until_it_is(problem, tmp_path, monkeypatch):
    flush, kept = os.fsync, tmp_path / "run" / "shards"

    sent = []

    def interrupt(descriptor):
        if not sent and list(kept.glob(".*.safetensors*.tmp")):
            sent.append(os.kill(os.getpid(), signal.SIGINT))
        flush(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(Interrupted) as stop:
            _audit(problem, out=tmp_path / "run")
    assert sent and len(list(kept.glob("*.safetensors"))) == 1
    assert stop.value.findings.verdict == "incomplete" and load_run(tmp_path / "run").samples == 60
    statuses = stop.value.findings.records["status"].to_pylist()
    assert {"broken", "unfinished"} <= set(statuses)
    assert _audit(problem, out=tmp_path / "run", resume=True).records.equals(_audit(problem).records)


def test_a_folder_that_became_read_only_is_one_sentence(problem, tmp_path, monkeypatch):
    def refuse(self, *_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(DataError, match="cannot be written: Read-only file system"):
        _audit(problem, out=tmp_path / "run")
    with pytest.raises(DataError, match="cannot be made: Read-only file system"):
        _audit(problem, runs=tmp_path / "runs")


def test_two_audits_that_begin_in_one_second_get_a_folder_each(problem, tmp_path, monkeypatch):
    class Stopped(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 11, 23, 7, 0, 0)

    monkeypatch.setattr("sparring.storage.new_folder.datetime", Stopped)
    folders = [_audit(problem, runs=tmp_path).folder.name for _ in range(2)]
    assert folders == ["20261123-070000-Linear", "20261123-070000-Linear-2"]


def test_a_clock_that_is_set_back_makes_no_negative_time(problem, tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: -1e9)
    assert _audit(problem, out=tmp_path / "run").result["seconds"] >= 0


def test_resume_finds_the_newest_unfinished_run(problem, tmp_path):
    done = _audit(problem, runs=tmp_path)
    (done.folder / "result.json").unlink()
    os.utime(done.folder / "plan.json", (0, 0))  # a clock that was set back is not asked
    assert _audit(problem, runs=tmp_path, resume=True).folder == done.folder


SCRIPT = """
import sys, torch, sparring
from sparring.attacks import PGD, APGD, Square, margin
from sparring.attacks.suites import Stage
from sparring.evaluation import auditing
from sparring.evaluation.search import shards
from sparring.demo import nets
torch.set_num_threads(1)
shards.SHARD = 8
suite = (Stage("apgd", APGD(10, margin)), Stage("square", Square(200)))
sparring.audit(nets.plain(), nets.images(48), "linf:0.05", suite, out=sys.argv[1], resume=True)
"""


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_instant_it_ends_the_same(tmp_path, seed):
    whole = _run(tmp_path / "whole")
    assert whole.wait() == 0
    chance, kills = random.Random(seed), 0
    for finished in (0, 2, 4):
        process = _run(tmp_path / "killed")
        _wait_for(process, tmp_path / "killed", finished)
        time.sleep(chance.uniform(0, 0.05))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert _run(tmp_path / "killed").wait() == 0
    assert kills, "nothing was killed: the audit is too short for this test"
    for name in ("records.parquet", "attempts.parquet", "adversarial.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()


def _wait_for(process, folder: Path, finished: int) -> None:
    """Until the audit has begun and finished so many shards: progress, because machines differ in speed."""
    while process.poll() is None:
        if (folder / "plan.json").exists() and len(list(folder.glob("shards/*"))) >= finished:
            return
        time.sleep(0.005)


def _run(folder: Path):
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)])
