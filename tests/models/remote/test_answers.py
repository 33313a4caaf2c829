"""Answers that were paid are kept: an audit that is killed while its requests are on their way pays none twice."""

import os
import signal
import threading
from multiprocessing import get_context

import pytest
import torch

import sparring
from sparring.attacks import Square
from sparring.evaluation.search import shards
from sparring.evaluation.workers import crew
from sparring.models.remote.answers import lines_of, opened_answers
from sparring.models.remote.target import remote_behind
from tests.models.served import net
from tests.models.server import Behaviour, serving

pytest.importorskip("httpx")


def killable(address, folder, workers):
    """An audit in shards of two samples; workers notice soon that whoever sent them out was killed."""
    shards.PAID, crew.LEASE = 2, 1.0
    inputs = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    data = inputs, net()(inputs).argmax(1)
    return sparring.audit(
        address, data, "linf:0.1", [Square(100)], queries=20, out=folder, resume=True, workers=workers
    )


def process(*arguments):
    """The audit, in a process of its own; torch is loaded once for all of them."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["sparring.api", "sparring.attacks"])
    started = context.Process(target=killable, args=arguments)
    started.start()
    return started


@pytest.mark.parametrize("workers", [1, 2])
def test_an_audit_that_is_killed_pays_for_every_query_once(workers, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "PAID", 2)
    monkeypatch.setattr(crew, "LEASE", 1.0)
    victim, seen = [], threading.Lock()

    def kill(handler, number):
        with seen:
            if victim and handler.server.behaviour.rows >= victim[0][1]:
                os.kill(victim.pop()[0], signal.SIGKILL)  # its request is on the way
        return False

    with serving(Behaviour(net(), [-1, 1, 8, 8], answer=kill)) as server:
        whole = killable(server.address, tmp_path / "whole", 1)
        paid = server.behaviour.rows
        assert paid == 2 * 6 + whole.result["query_budget"]["asked"]
        assert 0 < whole.result["robust"] < 6, "some break and some hold"
        for share in (0.4, 0.8):
            running = process(server.address, tmp_path / "killed", workers)
            victim.append((running.pid, paid + share * paid))
            running.join()
            assert running.exitcode == -signal.SIGKILL
        killed = killable(server.address, tmp_path / "killed", 3 - workers)
        assert server.behaviour.rows == 2 * paid, "the killed audit paid what the other one did"
    assert killed.records.equals(whole.records) and killed.attempts.equals(whole.attempts)
    assert torch.equal(killed.tensors["adversarial"], whole.tensors["adversarial"])
    assert not [*tmp_path.glob(".answers*"), *tmp_path.rglob("*.answers.jsonl")], (
        "kept until the run is written, no longer"
    )


def audited(address, folder, **options):
    inputs = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    data = inputs, net()(inputs).argmax(1)
    return sparring.audit(address, data, "linf:0.02", [Square(8)], out=folder, **options)


def test_a_target_that_is_gone_leaves_what_was_found_and_its_answers(tmp_path, monkeypatch):
    from sparring.models.remote import wire

    monkeypatch.setattr(
        wire, "PATIENCE", wire.Patience(tries=2, first=0.01, longest=0.6, connect=1.0, answer=0.4)
    )

    def gone(handler, number):
        return number > 9 and handler.send(503, {"error": "gone"})

    with serving(Behaviour(net(), [-1, 1, 8, 8], answer=gone)) as server:
        run = audited(server.address, tmp_path / "run")
        assert run.verdict == "incomplete" and "answers 503 (gone)" in run.result["reasons"][0]
        kept = [*tmp_path.glob(".answers*"), *tmp_path.glob("run/shards/*.answers.jsonl")]
        assert len(kept) == 2, "what the audit asked itself, and the search of its shard"
        answered = sum(len(rows) for path in kept for rows, _ in lines_of(path.read_bytes()))
        server.behaviour.answer, server.behaviour.rows = (lambda handler, number: False), 0
        whole = audited(server.address, tmp_path / "run", resume=True)
        assert server.behaviour.rows + answered == 2 * 6 + whole.result["forwards"] + _verified(whole)
    assert whole.verdict == "measured"


def _verified(run):
    return run.records["status"].to_pylist().count("broken")


def test_who_begins_anew_asks_anew(tmp_path):
    path, row = tmp_path / "answers.jsonl", torch.zeros(2, 1, 8, 8)
    with serving(Behaviour(net(), [-1, 1, 8, 8])) as server:
        model = sparring.load_model(server.address)
        remote = remote_behind(model)
        with remote.keeping(path, resume=False):
            first = model(torch.zeros(3, 1, 8, 8))
        with remote.keeping(path, resume=True):
            assert torch.equal(model(row), first[:2]) and server.behaviour.rows == 3
            model(row)
            assert server.behaviour.rows == 4, "three answers were kept, the fourth question is a new one"
        with remote.keeping(path, resume=False):
            model(row)
            assert server.behaviour.rows == 6
            remote.forget()
    assert not path.exists()


def test_a_block_in_a_block_keeps_answers_of_its_own(tmp_path):
    row = torch.zeros(1, 1, 8, 8)
    with serving(Behaviour(net(), [-1, 1, 8, 8])) as server:
        model = sparring.load_model(server.address)
        remote = remote_behind(model)
        with remote.keeping(tmp_path / "outer", resume=False):
            model(row)
            with remote.keeping(tmp_path / "inner", resume=False):
                model(row)
            model(row)
        assert server.behaviour.rows == 3
        model(row)
        assert server.behaviour.rows == 4, "outside nothing is kept"
    assert [len(lines_of((tmp_path / name).read_bytes())) for name in ("outer", "inner")] == [2, 1]


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_bytes(b'{"rows": ["a"], "answer": [1]}\n{"rows": ["b"], "ans')
    answers = opened_answers(path, True, lambda answer, rows: answer)
    assert answers.kept == {"a": [1]}
    assert answers.following("a") == 1 and answers.following("a") is None and answers.following("b") is None
