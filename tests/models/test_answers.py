"""Answers that were paid are kept: an audit that is killed while its requests are on their way pays none twice."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

import sparring
from sparring.attacks import Square
from sparring.evaluation import shards
from sparring.models.answers import lines_of, opened_answers
from sparring.models.remote import remote_behind
from tests.models.server import Behaviour, serving

pytest.importorskip("httpx")

ROOT = Path(__file__).parents[2]
AUDIT = """
import sys
from tests.models.test_answers import killable
killable(sys.argv[1], sys.argv[2])
"""


def killable(address, folder):
    """An audit in shards of four samples."""
    shards.PAID = 4
    inputs = torch.rand(10, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    data = inputs, net()(inputs).argmax(1)
    return sparring.audit(address, data, "linf:0.02", [Square(100)], queries=20, out=folder, resume=True)


def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))


def process(address, folder):
    """The audit, in a process of its own."""
    places = os.pathsep.join([str(ROOT / "src"), str(ROOT), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", AUDIT, address, str(folder)], env=os.environ | {"PYTHONPATH": places}
    )


def test_an_audit_that_is_killed_pays_for_every_query_once(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "PAID", 4)
    victim, seen = [], threading.Lock()

    def kill(handler, number):
        with seen:
            if victim and handler.server.behaviour.rows >= victim[0][1]:
                os.kill(victim.pop()[0], signal.SIGKILL)  # its request is on the way
        return False

    with serving(Behaviour(net(), [-1, 1, 8, 8], answer=kill)) as server:
        whole = killable(server.address, tmp_path / "whole")
        paid = server.behaviour.rows
        assert paid == 2 * 8 + whole.result["query_budget"]["asked"]
        for rows in (60, 131):
            running = process(server.address, tmp_path / "killed")
            victim.append((running.pid, paid + rows))
            assert running.wait() == -signal.SIGKILL
        killed = killable(server.address, tmp_path / "killed")
        assert server.behaviour.rows == 2 * paid, "the killed audit paid what the other one did"
    assert killed.records.equals(whole.records) and killed.attempts.equals(whole.attempts)
    assert torch.equal(killed.tensors["adversarial"], whole.tensors["adversarial"])
    assert not list(tmp_path.glob(".answers*")), "kept until the run is written, no longer"


def audited(address, folder, **options):
    inputs = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    data = inputs, net()(inputs).argmax(1)
    return sparring.audit(address, data, "linf:0.02", [Square(8)], out=folder, **options)


def test_a_target_that_is_gone_leaves_what_was_found_and_its_answers(tmp_path, monkeypatch):
    from sparring.models import wire

    monkeypatch.setattr(
        wire, "PATIENCE", wire.Patience(tries=2, first=0.01, longest=0.6, connect=1.0, answer=0.4)
    )

    def gone(handler, number):
        return number > 9 and handler.send(503, {"error": "gone"})

    with serving(Behaviour(net(), [-1, 1, 8, 8], answer=gone)) as server:
        run = audited(server.address, tmp_path / "run")
        assert run.verdict == "incomplete" and "answers 503 (gone)" in run.result["reasons"][0]
        (kept,) = tmp_path.glob(".answers*")
        answered = sum(len(rows) for rows, _ in lines_of(kept.read_bytes()))
        server.behaviour.answer, server.behaviour.rows = (lambda handler, number: False), 0
        whole = audited(server.address, tmp_path / "run", resume=True)
        assert server.behaviour.rows + answered == 2 * 6 + whole.result["forwards"] + _verified(whole)
    assert whole.verdict == "measured"


def _verified(run):
    return run.records["status"].to_pylist().count("broken")


def test_an_audit_that_begins_anew_asks_anew(tmp_path):
    with serving(Behaviour(net(), [-1, 1, 8, 8])) as server:
        model = sparring.load_model(server.address)
        remote_behind(model).keep_answers(tmp_path / "answers.jsonl", resume=False)
        first = model(torch.zeros(3, 1, 8, 8))
        remote_behind(model).keep_answers(tmp_path / "answers.jsonl", resume=True)
        assert torch.equal(model(torch.zeros(2, 1, 8, 8)), first[:2]) and server.behaviour.rows == 3
        model(torch.zeros(2, 1, 8, 8))
        assert server.behaviour.rows == 4, "three answers were kept, the fourth question is a new one"
        remote_behind(model).keep_answers(tmp_path / "answers.jsonl", resume=False)
        model(torch.zeros(2, 1, 8, 8))
        assert server.behaviour.rows == 6
        remote_behind(model).end(forget=True)
    assert not (tmp_path / "answers.jsonl").exists()


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_bytes(b'{"rows": ["a"], "answer": [1]}\n{"rows": ["b"], "ans')
    answers = opened_answers(path, True, lambda answer, rows: answer)
    assert answers.kept == {"a": [1]}
    assert answers.following("a") == 1 and answers.following("a") is None and answers.following("b") is None
