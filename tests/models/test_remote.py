"""Models behind an address, on servers that behave well and badly."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import replace
from email.utils import formatdate

import pytest
import torch

import sparring
from sparring.attacks import Square
from sparring.errors import Exhausted, MissingExtraError, ModelError, SparringError, UsageError
from sparring.evaluation import shards
from sparring.models import load_model, look, wire
from sparring.models.canonical import show
from sparring.models.remote import Remote, remote_behind
from sparring.storage.audit_log import LOG
from tests.models.server import PATH, Behaviour, Handler, Server, scores, serving

pytest.importorskip("httpx")

INPUTS = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
ASKS_BEFORE = 2  # the first look asks twice about its eight samples


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(wire, "PATIENCE", wire.Patience(first=0.01, longest=0.6, connect=1.0, answer=0.4))


def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))


def _with_new_connections(monkeypatch):
    """Connections are kept by patience, so another one begins anew."""
    monkeypatch.setattr(wire, "PATIENCE", replace(wire.PATIENCE, connect=wire.PATIENCE.connect + 0.1))


def behaviour(**changes):
    return replace(Behaviour(net(), [-1, 1, 8, 8]), **changes)


LABELS = net()(INPUTS).argmax(1)


def audit(model, **options):
    return sparring.audit(model, (INPUTS, LABELS), "linf:0.02", [Square(20)], **options)


def test_an_audit_over_http_finds_what_it_finds_at_home():
    home = audit(net())
    with serving(behaviour()) as server:
        away = audit(server.address)
    assert away.records.drop_columns(["margin"]).equals(home.records.drop_columns(["margin"]))
    assert torch.equal(away.tensors["adversarial"], home.tensors["adversarial"])
    assert home.result["robust"] < 40, "nothing was found at all"


def test_every_row_that_is_sent_is_counted_and_none_is_filler():
    with serving(behaviour()) as server:
        model = load_model(server.address)
        assert torch.equal(show(model, INPUTS[:3]), model(INPUTS[:3]))
        run = audit(model)
    remote = remote_behind(model)
    verified = run.records["status"].to_pylist().count("broken")
    looks = ASKS_BEFORE * 8
    assert server.behaviour.rows == remote.sent == 6 + looks + run.result["forwards"] + verified


def test_float32_arrives_to_the_last_bit():
    values = torch.tensor([1 / 3, 1e-30, 0.1, 1 - 2**-24])[None]
    seen = []
    asked = behaviour(shape=[-1, 4], net=lambda inputs: seen.append(inputs) or inputs)
    with serving(asked) as server:
        assert torch.equal(load_model(server.address)(values), values)
    assert torch.equal(seen[0], values)


def test_the_model_has_a_name_a_source_and_says_what_it_is():
    with serving(behaviour()) as server:
        first = look(load_model(f"{server.address}/infer"), INPUTS)
        server.behaviour.metadata["versions"] = ["2"]
        second = load_model(server.address)
    assert (first.name, first.source, first.gradients) == ("net", server.address, False)
    assert "scores but no gradients" in first.notes[0]
    assert first.digest != second.digest, "another version of the model is another model"


def test_normalisation_goes_before_it():
    with serving(behaviour()) as server:
        model = load_model(server.address, mean=[0.5], std=[0.25])
        assert torch.allclose(model(INPUTS), net()((INPUTS - 0.5) / 0.25), atol=1e-6)


def test_a_fixed_batch_takes_any_number_of_rows():
    with serving(behaviour(shape=[24, 1, 8, 8])) as server:
        model = load_model(server.address)
        assert torch.allclose(model(INPUTS), net()(INPUTS), atol=1e-6)
        assert server.behaviour.requests == 2 and "batches of 24 rows" in model.notes[-1]


def test_several_outputs_are_told_apart_by_name():
    def answer(handler: Handler, number: int) -> bool:
        body = scores(handler.server.behaviour.net(handler.inputs))
        body["outputs"][0]["name"] = "logits"
        body["outputs"] += scores(torch.zeros(len(handler.inputs), 2))["outputs"]
        return handler.send(200, body)

    with serving(behaviour(answer=answer)) as server:
        assert torch.allclose(look(load_model(server.address), INPUTS)(INPUTS), net()(INPUTS), atol=1e-6)


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


def test_data_of_another_shape_are_refused_before_they_are_sent():
    with serving(behaviour()) as server:
        model = load_model(server.address)
        with pytest.raises(ModelError, match=r"takes inputs of shape \(1, 8, 8\), these have \(3, 8, 8\)"):
            look(model, torch.rand(4, 3, 8, 8))
        assert not server.behaviour.requests


def test_a_wrong_name_a_wrong_port_and_a_wrong_host():
    with (
        serving(behaviour()) as server,
        pytest.raises(ModelError, match="knows no model under /v2/models/nut"),
    ):
        load_model(server.address.replace("net", "nut"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}{PATH}"
    with pytest.raises(
        ModelError, match=r"asked 5 times, and nobody answers there .* is the server running\?"
    ):
        load_model(address)
    with pytest.raises(ModelError, match=r'no host "no-such-host\.invalid"'):
        load_model(f"http://no-such-host.invalid{PATH}")


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
        if len(list(tmp_path.glob("run/shards/*"))) >= 2:
            dead.set()
        return dead.is_set() and handler.send(500, {"error": "dead"})

    with serving(behaviour(answer=answer)) as server:
        found = audit(server.address, out=tmp_path / "run")
        assert found.verdict == "incomplete" and "answers 500 (dead)" in found.result["reasons"][0]
        assert len(list(tmp_path.glob("run/shards/*"))) == 2
        assert found.records["status"].to_pylist().count("unfinished") > 0, "what was found is kept"
        server.behaviour.answer, before = (lambda handler, number: False), server.behaviour.rows
        run = audit(server.address, out=tmp_path / "run", resume=True)
        resumed = server.behaviour.rows - before
    assert run.records.drop_columns(["margin"]).equals(audit(net()).records.drop_columns(["margin"]))
    assert resumed < run.result["forwards"], "what was kept was asked for again"
    events = [json.loads(line)["event"] for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    assert events[:3] == ["begun", "shard finished", "shard finished"] and "resumed" in events


ELSEWHERE = [
    "http://10.1.2.3:8000",
    "http://0.0.0.0:8000",
    "http://[2001:db8::1]",
    "https://8.8.8.8",
    "http://[::]:9",
]


@pytest.mark.parametrize("place", ELSEWHERE)
def test_another_machine_needs_an_engagement(place, monkeypatch):
    monkeypatch.setattr(wire, "fetch", lambda *_: pytest.fail("something was sent"))
    with pytest.raises(UsageError, match=r"not on this machine.*engagement"):
        load_model(f"{place}{PATH}")


def _names(monkeypatch, *numbers):
    real = socket.getaddrinfo

    def resolve(host, port, *rest, **options):
        if host != "model.test":
            return real(host, port, *rest, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in numbers]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_a_name_is_this_machine_only_if_all_its_addresses_are(monkeypatch):
    _names(monkeypatch, "127.0.0.1", "10.0.0.7")
    with pytest.raises(UsageError, match=r"not on this machine \(127\.0\.0\.1, 10\.0\.0\.7\)"):
        load_model(f"http://model.test:8000{PATH}")


def test_a_name_that_changes_its_meaning_leads_nowhere(monkeypatch):
    with serving(behaviour()) as server:
        _names(monkeypatch, "127.0.0.1")
        model = load_model(f"http://model.test:{server.server_port}{PATH}")
        _names(monkeypatch, "192.0.2.1")
        assert torch.allclose(model(INPUTS[:4]), net()(INPUTS[:4]), atol=1e-6)
        assert server.behaviour.hosts == [f"model.test:{server.server_port}"]


def test_the_first_address_that_takes_the_connection_is_used(monkeypatch):
    with serving(behaviour()) as server:
        _names(monkeypatch, "127.0.0.77", "127.0.0.1")
        assert isinstance(load_model(f"http://model.test:{server.server_port}{PATH}").function, Remote)


def test_no_proxy_of_the_environment_is_used(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    _with_new_connections(monkeypatch)
    with serving(behaviour()) as server:
        assert load_model(server.address)(INPUTS[:1]).shape == (1, 4)


BAD_ADDRESSES = {
    "http://127.0.0.1:8000/": "is not the address of a model",
    "http://127.0.0.1:8000/v2/models": "is not the address of a model",
    "http://127.0.0.1:8000/v2/models/": "is not the address of a model",
    "http://127.0.0.1:8000/v2/models/a/../b": "lead elsewhere",
    "http://127.0.0.1:8000/v2/models/%2e%2e": "lead elsewhere",
    "http://127.0.0.1:8000/v2/models/a%2fb": "lead elsewhere",
    "http://127.0.0.1:port/v2/models/a": "is no address",
    "http:///v2/models/a": "is no address",
    "http://user:secret@127.0.0.1/v2/models/a": "leave user name and password out",
    "http://127.0.0.1/v2/models/a?token=1": "has a query",
}


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_an_address_that_is_none_is_one_sentence(address):
    with pytest.raises(UsageError, match=BAD_ADDRESSES[address]) as caught:
        load_model(address)
    assert "secret" not in str(caught.value)


def test_options_of_files_do_not_fit(tmp_path):
    for options in ({"device": "cpu"}, {"weights": tmp_path / "net.pth"}):
        with pytest.raises(UsageError, match="leave weights and device out"):
            load_model(f"http://127.0.0.1:9{PATH}", **options)


def test_without_httpx_the_command_is_named(monkeypatch):
    monkeypatch.setattr("sparring.models.remote.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sparring\[remote\]'"):
        load_model(f"http://127.0.0.1:9{PATH}")


def test_a_suite_that_climbs_names_one_that_does_not():
    with serving(behaviour()) as server:
        with pytest.raises(ModelError, match="such as blackbox"):
            sparring.audit(server.address, (INPUTS, LABELS), "linf:0.02", "smoke")
        with pytest.raises(UsageError, match="blackbox"):
            sparring.audit(server.address, (INPUTS, LABELS), "l0:min", "blackbox")


def test_a_server_without_tls_is_told():
    with serving(behaviour()) as server, pytest.raises(ModelError, match="no secure connection"):
        load_model(server.address.replace("http", "https"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_that_nobody_signed_is_refused_and_one_that_is_trusted_works(tmp_path, monkeypatch):
    words = (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", *words.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(behaviour()) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        address = f"https://localhost:{server.server_port}{PATH}"
        with pytest.raises(ModelError, match=r"no secure connection.*self-signed certificate"):
            load_model(address)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        _with_new_connections(monkeypatch)
        assert load_model(address)(INPUTS[:2]).shape == (2, 4)
        with pytest.raises(
            SparringError, match="no secure connection"
        ):  # the certificate is not for this name
            load_model(address.replace("localhost", "127.0.0.1"))


def test_the_server_of_these_tests_is_on_this_machine_only():
    with serving(behaviour()) as server:
        assert isinstance(server, Server) and server.server_address[0] == "127.0.0.1"
