"""Targets that refuse some inputs: those samples are unanswered, the others are audited, and every row is counted."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

import sparring
from sparring.cli import app
from sparring.cli.failures import exit_code
from sparring.errors import ModelError
from sparring.evaluation.search import shards
from sparring.models.remote.target import remote_behind
from sparring.storage import load_run
from sparring.storage.checking import contradictions
from tests.models.served import INPUTS, LABELS, audit, behaviour, net
from tests.models.server import serving

pytest.importorskip("httpx")
pytestmark = pytest.mark.usefixtures("impatient")

DARK = INPUTS.flatten(1).mean(1).topk(3, largest=False).indices.sort().values.tolist()
LIGHT = [place for place in range(40) if place not in DARK]
assert min(DARK) >= 8, "the first eight show how the target answers"


def refusing(refuses, status=400, **changes):
    """A server that refuses a request if `refuses` says so of one of its inputs."""

    def answer(handler, number):
        refused = bool(refuses(handler.inputs).any())
        return refused and handler.send(status, {"error": "too dark"})

    return behaviour(answer=answer, **changes)


def away(inputs):
    """How far inputs are from each of the samples, `(N, 40)`."""
    return torch.cdist(inputs.flatten(1), INPUTS.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")


def dark(inputs):
    """Which inputs are the darkest samples as they are, or changed a little."""
    return torch.isin(away(inputs).argmin(1), torch.tensor(DARK))


def clean(inputs):
    return (away(inputs) == 0).any(1)


def everything(inputs):
    return torch.ones(len(inputs), dtype=torch.bool)


def statuses(run):
    return run.records["status"].to_pylist()


def unanswered(run):
    return [place for place, status in enumerate(statuses(run)) if status == "unanswered"]


@pytest.mark.parametrize("status", [400, 422])
def test_a_sample_that_is_refused_is_unanswered_and_the_others_are_as_they_were(status):
    home = audit(net()).records.drop_columns(["margin"])
    with serving(refusing(dark, status)) as server:
        run = audit(server.address)
    assert unanswered(run) == DARK
    assert run.records.drop_columns(["margin"]).take(LIGHT).equals(home.take(LIGHT))
    assert run.verdict == "measured" and run.result["clean_correct"] == 37
    assert set(run.records["prediction"].take(DARK).to_pylist()) == {-1}
    (finding,) = [each for each in run.result["findings"] if each["id"] == "turned-away"]
    assert finding["samples"] == 3 and f"{status} (too dark)" in finding["message"]


def test_a_change_that_is_refused_ends_its_sample_alone():
    with serving(refusing(lambda inputs: dark(inputs) & ~clean(inputs))) as server:
        run = audit(server.address)
    assert unanswered(run) == DARK and run.result["clean_correct"] == 40
    assert set(run.records["forwards"].take(DARK).to_pylist()) == {2}, "the first look, and what was refused"
    assert run.records["status"].take(LIGHT).equals(audit(net()).records["status"].take(LIGHT))
    assert "not-a-number" not in {each["id"] for each in run.result["findings"]}


def test_a_batch_that_is_refused_is_asked_about_row_by_row_and_counted():
    with serving(refusing(lambda inputs: dark(inputs) & clean(inputs))) as server:
        model = sparring.load_model(server.address)
        run = audit(model)
        rows = server.behaviour.rows
    before, verified = 2 * 8, statuses(run).count("broken")
    again = 8 * len({place // 8 for place in DARK})
    assert rows == remote_behind(model).sent == before + run.result["forwards"] + verified + again


def test_a_change_that_was_found_before_a_refusal_stays():
    def near(inputs):
        return (away(inputs).amin(1) < 1.5) & ~clean(inputs)

    with serving(refusing(near)) as server:
        run = sparring.audit(server.address, (INPUTS[:6], LABELS[:6]), "l2:min", "labels", queries=60)
    assert "broken" in statuses(run) and set(statuses(run)) <= {"broken", "unanswered"}
    assert min(run.records["forwards"].to_pylist()) < 57, "nothing was refused"


def test_gates_count_what_was_refused_neither_way():
    with serving(refusing(dark)) as server:
        run = audit(server.address)
    robust = run.result["robust"]
    verdicts = [
        sparring.gate(run, min_robust_accuracy=count / 40).verdict
        for count in (robust, robust + 3, robust + 4)
    ]
    assert verdicts == ["pass", "inconclusive", "fail"]


def test_a_target_of_classes_alone_may_refuse_too():
    def classes(values):
        return {"classes": values.argmax(1).tolist()}

    def read(body):
        return torch.tensor(body["rows"])

    refuses = refusing(lambda inputs: dark(inputs) & clean(inputs), read=read, write=classes)
    with serving(refuses) as server:
        model = sparring.load_model(server.address, json_fields="rows:classes")
        run = sparring.audit(model, (INPUTS, LABELS), "linf:min", "labels", queries=20)
    assert unanswered(run) == DARK


def test_a_target_that_refuses_everything_ends_the_audit_in_one_sentence():
    words = r"refuses the request: 400 \(too dark\)"
    with serving(refusing(everything)) as server, pytest.raises(ModelError, match=words) as caught:
        audit(server.address)
    assert "\n" not in str(caught.value)


def test_outside_an_audit_a_refusal_is_an_error():
    with serving(refusing(dark)) as server:
        model = sparring.load_model(server.address)
        assert len(model(INPUTS[:4])) == 4
        with pytest.raises(ModelError, match="too dark"):
            model(INPUTS[DARK])


def test_a_batch_of_one_size_cannot_be_taken_apart():
    with serving(refusing(dark, shape=[4, 1, 8, 8])) as server, pytest.raises(ModelError, match="too dark"):
        audit(server.address)


def test_refusals_outlast_a_target_that_went_away(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "PAID", 20)
    with serving(refusing(dark)) as server:
        refuse = server.behaviour.answer
        whole = audit(server.address, out=tmp_path / "whole")
        begun = server.behaviour.requests
        server.behaviour.answer = lambda handler, number: (
            handler.send(500, {"error": "gone"}) if number > begun + 30 else refuse(handler, number)
        )
        assert audit(server.address, out=tmp_path / "run").verdict == "incomplete"
        server.behaviour.answer = refuse
        run = audit(server.address, out=tmp_path / "run", resume=True, workers=2)
    assert run.records.equals(whole.records) and run.result["findings"] == whole.result["findings"]
    assert contradictions(load_run(tmp_path / "run")) == []


def test_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "data.npz", x=INPUTS.numpy(), y=LABELS.numpy())
    words = "--data data.npz --threat linf:0.02 --suite blackbox --queries 12 --out run"
    with serving(refusing(dark)) as server:
        monkeypatch.setattr(sys, "argv", ["sparring", "audit", "--model", server.address, *words.split()])
        assert exit_code(app) == 0
    printed = capsys.readouterr().out
    assert "3 not answered by the model" in printed and "too dark" in printed
    assert "not answered by the model" in (tmp_path / "run" / "report.html").read_text()
