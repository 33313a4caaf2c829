"""Workers that ask a model behind an address share what an engagement allows."""

from datetime import UTC, datetime, timedelta

import pytest
import torch

import sparring
from sparring.attacks import Square
from sparring.attacks.suites import Stage
from sparring.evaluation.search import shards
from tests.models.server import Behaviour, serving

pytest.importorskip("httpx")
SUITE = (Stage("square", Square(20)),)
FILE = """
schema = 1
targets = ["{address}"]
techniques = ["evasion"]
[authoriser]
name = "Ada"
contact = "ada@example.org"
[window]
from = {begin}
until = {end}
[budgets]
queries = {queries}
"""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(shards, "SHARD", 8)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 4))
    with serving(Behaviour(net, [-1, 1, 4, 4])) as server:
        yield server


@pytest.fixture
def data(server):
    inputs = torch.rand(32, 1, 4, 4)
    return inputs, server.behaviour.net(inputs).argmax(1)


def test_records_are_equal(server, data):
    one, two = (sparring.audit(server.address, data, "linf:0.05", SUITE, workers=number) for number in (1, 2))
    assert one.records.equals(two.records) and one.attempts.equals(two.attempts)


def test_a_budget_holds_for_all_workers_together(server, data, tmp_path):
    now = datetime.now(UTC)
    window = {"begin": (now - timedelta(days=1)).isoformat(), "end": (now + timedelta(days=1)).isoformat()}
    path = tmp_path / "engagement.toml"
    path.write_text(FILE.format(address=server.address, queries=250, **window))
    run = sparring.audit(
        server.address, data, "linf:0.05", SUITE, workers=2, engagement=path, out=tmp_path / "run"
    )
    assert run.verdict == "incomplete" and "the engagement allows 250 queries" in run.result["reasons"][0]
    assert server.behaviour.rows <= 250
    assert "unanswered" in run.records["status"].to_pylist()
    assert not (tmp_path / "run" / "cut-short").exists()
