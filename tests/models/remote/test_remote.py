"""Models behind an address: what they answer, what is counted, and what does not fit them."""

from __future__ import annotations

import pytest
import torch

import sparring
from sparring.errors import MissingExtraError, ModelError, UsageError
from sparring.models import load_model, look
from sparring.models.canonical import show
from sparring.models.remote.target import remote_behind
from tests.models.served import INPUTS, LABELS, audit, behaviour, net
from tests.models.server import PATH, Handler, scores, serving

pytest.importorskip("httpx")
pytestmark = pytest.mark.usefixtures("impatient")

ASKS_BEFORE = 2  # the first look asks twice about its eight samples


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


def test_data_of_another_shape_are_refused_before_they_are_sent():
    with serving(behaviour()) as server:
        model = load_model(server.address)
        with pytest.raises(ModelError, match=r"takes inputs of shape \(1, 8, 8\), these have \(3, 8, 8\)"):
            look(model, torch.rand(4, 3, 8, 8))
        assert not server.behaviour.requests


def test_options_of_files_do_not_fit(tmp_path):
    for options in ({"device": "cpu"}, {"weights": tmp_path / "net.pth"}):
        with pytest.raises(UsageError, match="leave weights and device out"):
            load_model(f"http://127.0.0.1:9{PATH}", **options)


def test_without_httpx_the_command_is_named(monkeypatch):
    monkeypatch.setattr("sparring.models.remote.target.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sparring\[remote\]'"):
        load_model(f"http://127.0.0.1:9{PATH}")


def test_a_suite_that_climbs_names_one_that_does_not():
    with serving(behaviour()) as server, pytest.raises(ModelError, match="such as blackbox"):
        sparring.audit(server.address, (INPUTS, LABELS), "linf:0.02", "smoke")
