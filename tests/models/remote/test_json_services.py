"""Services behind an address that take and give JSON of their own."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch

import sparring
from sparring.attacks import Square
from sparring.cli import app
from sparring.cli.failures import exit_code
from sparring.errors import Exhausted, ModelError, UsageError
from sparring.models import load_model, look
from sparring.models.remote import wire
from sparring.models.remote.target import remote_behind
from tests.models.served import net
from tests.models.server import Behaviour, serving

pytest.importorskip("httpx")
pytestmark = pytest.mark.usefixtures("impatient")

INPUTS = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(0))
FIELDS = "data.rows:result.scores"


def service(**changes):
    def write(values):
        return {"result": {"scores": values.tolist(), "ms": 3}}

    settings = {"read": lambda body: torch.tensor(body["data"]["rows"]), "write": write} | changes
    return serving(Behaviour(net(), [], **settings))


def place(server, path="/predict"):
    return f"http://127.0.0.1:{server.server_port}{path}"


def audited(model, **options):
    return sparring.audit(model, (INPUTS, net()(INPUTS).argmax(1)), "linf:0.05", [Square(20)], **options)


def test_an_audit_of_a_service_finds_what_it_finds_at_home_and_every_row_is_counted():
    def busy(handler, number):
        return number % 4 == 1 and handler.send(503, {"error": "busy"})

    home = audited(net())
    with service(answer=busy) as server:
        model = load_model(place(server), json_fields=FIELDS)
        away = audited(model)
        assert remote_behind(model).sent == server.behaviour.rows
    assert away.records["status"].equals(home.records["status"])
    assert torch.equal(away.tensors["adversarial"], home.tensors["adversarial"])
    assert home.result["robust"] < 12 and remote_behind(model).retries > 0


def test_answers_that_were_paid_are_kept(tmp_path):
    def gone(handler, number):
        return number > 9 and handler.send(503, {"error": "gone"})

    with service(answer=gone) as server:
        model = load_model(place(server), json_fields=FIELDS)
        assert audited(model, out=tmp_path / "run").verdict == "incomplete"
        kept = [*tmp_path.glob(".answers*"), *tmp_path.glob("run/shards/*.answers.jsonl")]
        paid = sum(len(json.loads(line)["rows"]) for each in kept for line in each.read_bytes().splitlines())
        server.behaviour.answer, server.behaviour.rows = (lambda handler, number: False), 0
        whole = audited(load_model(place(server), json_fields=FIELDS), out=tmp_path / "run", resume=True)
        broken = whole.records["status"].to_pylist().count("broken")
        assert paid and server.behaviour.rows + paid == 2 * 8 + whole.result["forwards"] + broken


def test_float32_arrives_to_the_last_bit_in_the_shape_of_the_data():
    values = torch.tensor([1 / 3, 1e-30, 0.1, 1 - 2**-24]).reshape(1, 1, 2, 2)
    with service() as server:
        server.behaviour.net = lambda inputs: inputs.flatten(1)
        assert torch.equal(load_model(place(server), json_fields=FIELDS)(values), values.flatten(1))


@pytest.mark.parametrize("path", ["/", "/invocations/", "/infer", "/v1/models/net:predict"])
def test_any_path_is_asked_as_it_is(path):
    seen = []

    def answer(handler, number):
        seen.append(handler.path)
        return False

    with service(answer=answer) as server:
        if path == "/":
            with pytest.raises(UsageError, match="not the address of a model, only of a server"):
                load_model(place(server, path), json_fields=FIELDS)
        else:
            load_model(place(server, path), json_fields=FIELDS)(INPUTS[:1])
            assert seen == [path], "some services know no path without its last slash, others none with one"


def test_whole_numbers_one_per_row_are_classes_and_others_are_scores():
    with service(write=lambda values: {"result": {"scores": values.argmax(1).tolist()}}) as server:
        seen = look(load_model(place(server), json_fields=FIELDS), INPUTS, torch.tensor([3]))
        assert seen.outputs == "labels:4+" and torch.equal(seen(INPUTS).argmax(1), net()(INPUTS).argmax(1))
    with service(write=lambda values: {"result": {"scores": values.round().int().tolist()}}) as server:
        assert look(load_model(place(server), json_fields=FIELDS), INPUTS).outputs == "logits"


def test_a_number_written_without_its_point_is_still_a_score():
    """JavaScript writes 1.0 as 1."""

    def write(values):
        found = torch.sigmoid(20 * values[:, 0]).round(decimals=1).tolist()
        return {"result": {"scores": [int(each) if each in (0, 1) else each for each in found]}}

    with service(write=write) as server:
        model = load_model(place(server), json_fields=FIELDS, outputs="probabilities")
        found = torch.cat([model(row[None]) for row in INPUTS])
        assert found.dtype == torch.float32 and torch.allclose(found, model(INPUTS))


def test_its_digest_is_of_address_and_fields():
    with service() as server:
        digests = {
            load_model(place(server, path), json_fields=fields).digest
            for path, fields in [("/a", FIELDS), ("/b", FIELDS), ("/a", "rows:scores"), ("/a", FIELDS)]
        }
        assert len(digests) == 3 and not server.behaviour.requests


def says(content, status=200):
    return lambda handler, number: handler.send(status, content)


WRONG = {
    "key": ({"result": {"\x1b[31m": 1, "logits": 2}}, r'no "scores" among "\\u001b\[31m", "logits"; say in'),
    "empty": ({}, r'without "result\.scores": there is no "result" in \{\}; say in json_fields'),
    "list": ([1, 2], 'there is no "result" in a list'),
    "deeper": ({"result": [1.0]}, 'there is no "scores" in a list'),
    "null": ({"result": {"scores": None}}, "is no list of numbers"),
    "texts": ({"result": {"scores": ["cat"] * 8}}, "is no list of numbers"),
    "ragged": ({"result": {"scores": [[1.0], [1.0, 2.0]]}}, "is no list of numbers"),
    "huge": ({"result": {"scores": [10**30] * 8}}, "is no list of numbers"),
    "objects": ({"result": {"scores": {"cat": 1.0}}}, "is no list of numbers"),
    "rows": ({"result": {"scores": [[1.0, 2.0]] * 3}}, "asked about 8 inputs and answers with 3 rows"),
    "number": ({"result": {"scores": 0.5}}, "asked about 8 inputs and answers with 0 rows"),
    "nan": ({"result": {"scores": [[float("nan")] * 4] * 8}}, "NaN or infinite outputs"),
    "html": ("<html>", "that is no JSON"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_is_one_sentence(case):
    content, words = WRONG[case]
    with service(answer=says(content)) as server:
        with pytest.raises((ModelError, Exhausted), match=words) as caught:
            look(load_model(place(server), json_fields=FIELDS), INPUTS[:8])
        assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


@pytest.mark.parametrize("text", ["predictions", "", ":", "a:", ":b", "a..b:c", "a:b."])
def test_fields_that_name_no_place_are_one_sentence(text):
    with pytest.raises(UsageError, match="such as instances:predictions or"):
        load_model("http://127.0.0.1:9/predict", json_fields=text)


def test_without_fields_only_the_open_protocol_is_understood():
    with pytest.raises(UsageError, match=r"not the address of a model in the Open .*json_fields, such as"):
        load_model("http://127.0.0.1:9/predict")
    with pytest.raises(UsageError, match="json_fields are for a service behind an address"):
        load_model(net(), json_fields=FIELDS)


def test_another_machine_needs_an_engagement(monkeypatch):
    monkeypatch.setattr(wire, "fetch", lambda *_: pytest.fail("something was sent"))
    with pytest.raises(UsageError, match=r"not on this machine.*engagement"):
        load_model("http://10.1.2.3:8000/predict", json_fields=FIELDS)


@pytest.mark.parametrize("way", ["option", "file"])
def test_from_the_command_line(way, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "data.npz", x=INPUTS.numpy(), y=net()(INPUTS).argmax(1).numpy())
    with service() as server:
        model = f'source = "{place(server)}"\njson_fields = "{FIELDS}"'
        (tmp_path / "sparring.toml").write_text(
            f'schema = 1\n[model]\n{model}\n[data]\nsource = "data.npz"\n'
            '[[audit]]\nthreat = "linf:0.05"\nsuite = "blackbox"\nqueries = 20\n'
        )
        options = ["--model", place(server), "--json-fields", FIELDS] if way == "option" else []
        monkeypatch.setattr(sys, "argv", ["sparring", "audit", *options, "--json"])
        assert exit_code(app) == 0
    assert json.loads(capsys.readouterr().out)["query_budget"]["per_sample"] == 20
