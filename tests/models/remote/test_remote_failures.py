"""Servers that are slow, fail at random or for good, or answer with what is no answer."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from email.utils import formatdate

import pytest

from sparring.errors import Exhausted, ModelError
from sparring.evaluation.search import shards
from sparring.models import load_model, look
from sparring.models.remote.target import remote_behind
from sparring.storage.audit_log import LOG
from tests.models.served import INPUTS, audit, behaviour, net
from tests.models.server import Handler, scores, serving

pytest.importorskip("httpx")
pytestmark = pytest.mark.usefixtures("impatient")


def output(**changes):
    """An answer whose output is changed; None takes a key away."""

    def answer(handler: Handler, number: int) -> bool:
        body = scores(handler.server.behaviour.net(handler.inputs))
        body["outputs"][0] |= changes
        return handler.send(200, body)

    return answer


def says(status, content, **headers):
    return lambda handler, number: handler.send(status, content, **headers)


HTML = "<html><body>Welcome</body></html>"
WRONG = {
    "html": (says(200, HTML, Content_Type="text/html"), "answers with text/html that is no JSON"),
    "no outputs": (says(200, {"error": "out of luck"}), "answers without outputs"),
    "no object": (says(200, [1, 2]), "answers without outputs"),
    "rows": (output(shape=[3, 4]), "was asked about 8 inputs and answers with 3 rows"),
    "numbers": (output(shape=[8, 5]), r"promises outputs of shape \[8, 5\] and sends 32 numbers"),
    "texts": (output(data=["cat"] * 32), "values that are not numbers"),
    "nulls": (output(data=[None] * 32), "values that are not numbers"),
    "ragged": (output(data=[[1.0], [1.0, 2.0]]), "values that are not numbers"),
    "bytes": (output(datatype="BYTES"), "answers with BYTES; numbers are needed"),
    "classes": (output(datatype="INT64", shape=[8, 4], data=[0] * 32), "not the predicted classes"),
    "shapeless": (output(shape=None), "values that are not numbers"),
    "nan": (output(data=[float("nan")] * 32), "NaN or infinite outputs on clean inputs"),
    "refused": (says(400, {"error": "bad\n\x1b[31mthing"}), r"refuses the request: 400 \(bad \[31mthing\)"),
    "secret": (says(401, {}), r"refuses the request: 401"),
    "moved": (says(307, "", Location="http://example.org/v2/models/x"), "which is not followed"),
    "crash": (says(500, {"error": "boom"}), r"was asked 5 times, and answers 500 \(boom\)"),
    "hangs up": (
        lambda handler, number: handler.hang_up(),
        "was asked 5 times, and the connection broke off",
    ),
    "patience": (says(503, {}, Retry_After="3600"), "was asked once, and answers 503"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_is_one_sentence(case):
    answer, words = WRONG[case]
    with serving(behaviour(answer=answer)) as server:
        with pytest.raises((ModelError, Exhausted), match=words) as caught:
            look(load_model(server.address), INPUTS[:8])
        assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


def test_a_server_that_is_slow_is_given_up():
    over = threading.Event()
    with serving(behaviour(answer=lambda handler, number: over.wait(5))) as server:
        model = load_model(server.address)
        model.function.patience = replace(model.function.patience, tries=2, answer=0.1)
        with pytest.raises(Exhausted, match=r"asked 2 times, and gave no answer within 0\.1 seconds"):
            model(INPUTS[:1])
        over.set()


PORT = {"name": "pixels", "datatype": "FP32", "shape": [-1, 1, 8, 8]}
METADATA = {
    "no inputs": ({"inputs": []}, "does not say what the model"),
    "no words": ({"inputs": "pixels"}, "does not say what the model"),
    "two": ({"inputs": [PORT, PORT]}, "takes 2 inputs"),
    "grey levels": ({"inputs": [PORT | {"datatype": "UINT8"}]}, "takes UINT8"),
    "no axes": ({"inputs": [PORT | {"shape": [8]}]}, "at least one more axis"),
    "odd axes": ({"inputs": [PORT | {"shape": ["N", 8]}]}, "at least one more axis"),
}


@pytest.mark.parametrize("case", METADATA)
def test_a_model_that_cannot_be_attacked_is_refused_when_it_is_loaded(case):
    metadata, words = METADATA[case]
    with serving(behaviour(metadata=metadata)) as server, pytest.raises(ModelError, match=words):
        load_model(server.address)


def test_what_passes_is_asked_again_and_counted():
    def answer(handler: Handler, number: int) -> bool:
        match number % 4:
            case 0:
                return handler.hang_up()
            case 1:
                return handler.send(503, {"error": "busy"})
        return False

    home = audit(net())
    with serving(behaviour(answer=answer)) as server:
        model = load_model(server.address)
        run = audit(model)
    assert run.records["status"].equals(home.records["status"])
    remote = remote_behind(model)
    assert remote.retries >= server.behaviour.requests / 3 and remote.sent == server.behaviour.rows


@pytest.mark.parametrize("date", [False, True])
def test_a_server_that_asks_for_time_gets_it(date):
    def answer(handler: Handler, number: int) -> bool:
        wanted = formatdate(time.time() + 2, usegmt=True) if date else "1"  # dates have whole seconds
        return number == 1 and handler.send(429, {}, Retry_After=wanted)

    with serving(behaviour(answer=answer)) as server:
        model = load_model(server.address)
        model.function.patience = replace(model.function.patience, longest=3.0)
        model(INPUTS[:4])
        (first, _), (second, _) = server.behaviour.times
        assert second - first >= (0.9 if date else 1.0)


def test_a_server_that_fails_for_good_keeps_finished_shards(monkeypatch, tmp_path):
    monkeypatch.setattr(shards, "SHARD", 10)
    dead = threading.Event()

    def answer(handler: Handler, number: int) -> bool:
        if len(list(tmp_path.glob("run/shards/*.safetensors"))) >= 2:
            dead.set()
        return dead.is_set() and handler.send(500, {"error": "dead"})

    with serving(behaviour(answer=answer)) as server:
        found = audit(server.address, out=tmp_path / "run")
        assert found.verdict == "incomplete" and "answers 500 (dead)" in found.result["reasons"][0]
        assert len(list(tmp_path.glob("run/shards/*.safetensors"))) == 2
        assert found.records["status"].to_pylist().count("unanswered") > 0, "what was found is kept"
        server.behaviour.answer, before = (lambda handler, number: False), server.behaviour.rows
        run = audit(server.address, out=tmp_path / "run", resume=True)
        resumed = server.behaviour.rows - before
    assert run.records.drop_columns(["margin"]).equals(audit(net()).records.drop_columns(["margin"]))
    assert resumed < run.result["forwards"], "what was kept was asked for again"
    events = [json.loads(line)["event"] for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    assert events[:3] == ["begun", "shard finished", "shard finished"] and "resumed" in events
