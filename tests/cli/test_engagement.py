"""Audits of a model behind an address, as a user runs them: what an engagement allows, and what it does not."""

import json
import sys
from datetime import UTC, datetime, timedelta
from threading import Event

import numpy as np
import pytest
import torch

import sparring
from sparring.cli import app
from sparring.cli.failures import exit_code
from sparring.evaluation.search import shards
from sparring.models.remote import wire
from sparring.storage import load_run
from sparring.storage.audit_log import LOG, head, verify_log
from tests.cli import models
from tests.models.server import PATH, Behaviour, serving

pytest.importorskip("httpx")

FILE = """
schema = 1
targets = ["http://127.0.0.1:*{path}"]
techniques = ["{technique}"]
authoriser = {{ name = "Ada Byron", contact = "ada@example.org" }}
window = {{ from = {begin}, until = {end} }}
budgets = {{ queries = {queries} }}
"""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(wire, "PATIENCE", wire.Patience(first=0.01, longest=0.5, connect=1.5, answer=5.0))
    with serving(Behaviour(models.linear(), [-1, 1, 8, 8])) as server:
        yield server


@pytest.fixture
def command(tmp_path, server, monkeypatch, capsys):
    """Run a command in a folder with data and an engagement; returns exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    grey = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8)
    labels = models.linear()(torch.from_numpy(grey).float() / 255).argmax(1).numpy()
    np.savez(tmp_path / "data.npz", x=grey, y=labels)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["sparring", *map(str, words)])
        code = exit_code(app)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def engagement(tmp_path, server):
    def write(queries=100_000, technique="blackbox"):
        now = datetime.now(UTC)
        text = FILE.format(
            path=PATH, technique=technique, queries=queries,
            begin=(now - timedelta(hours=1)).isoformat(), end=(now + timedelta(hours=1)).isoformat(),
        )  # fmt: skip
        path = tmp_path / "engagement.toml"
        path.write_text(text.replace("127.0.0.1:*", f"127.0.0.1:{server.server_port}"))
        return path

    return write


def audit(command, server, *words, threat="linf:0.03"):
    words = ("--data", "data.npz", "--threat", threat, "--suite", "blackbox", "--out", "run", *words)
    return command("audit", "--model", server.address, *words)


@pytest.fixture
def short(monkeypatch):
    """A suite that takes a moment."""
    from sparring.attacks import Square, suites

    monkeypatch.setitem(suites.SUITES, "blackbox", (suites.Stage("square", Square(30)),))


@pytest.mark.usefixtures("short")
def test_an_audit_names_its_engagement_before_and_after(command, server, engagement, tmp_path):
    code, out, err = audit(command, server, "--engagement", engagement())
    assert code == 0 and err.startswith(
        "engagement: Ada Byron (ada@example.org) allows 100,000 queries of http://127"
    )
    assert err.count("\n") == 1 and "allowed 100,000 queries" in " ".join(out.split())
    run = load_run(tmp_path / "run")
    assert run.result["engagement"]["authoriser"] == "Ada Byron"
    assert "Ada Byron (ada@example.org) allowed 100,000" in (tmp_path / "run" / "report.html").read_text()
    begun = json.loads((tmp_path / "run" / LOG).read_text().splitlines()[0])
    assert begun["engagement"]["digest"] == run.result["engagement"]["digest"]
    count = json.loads((tmp_path / "engagement.toml.spent").read_text())
    assert count["queries"] == server.behaviour.rows and not count["held"]
    assert verify_log(tmp_path / "run") == []


@pytest.mark.usefixtures("short")
def test_a_spent_budget_ends_incomplete_and_keeps_what_was_found(command, server, engagement, tmp_path):
    path = engagement(queries=600)
    code, out, _ = audit(command, server, "--engagement", path)
    assert code == 5 and "INCOMPLETE" in out and "allows 600 queries" in " ".join(out.split())
    assert 500 <= server.behaviour.rows <= 600
    run = load_run(tmp_path / "run")
    statuses = run.records["status"].to_pylist()
    assert run.verdict == "incomplete" and {"broken", "unanswered"} == set(statuses)
    assert all(run.records["verified"][row].as_py() for row, word in enumerate(statuses) if word == "broken")
    assert json.loads((tmp_path / "run" / LOG).read_text().splitlines()[-1])["event"] == "written"

    code, _, _ = audit(command, server, "--engagement", path, "--resume")
    assert code == 5 and server.behaviour.rows <= 600
    assert load_run(tmp_path / "run").records.equals(run.records), "what was found is lost"
    assert verify_log(tmp_path / "run") == []

    engagement(queries=100_000)  # its authoriser allows more
    code, _, _ = audit(command, server, "--engagement", path, "--resume")
    home = sparring.audit(models.linear(), "data.npz", "linf:0.03", "blackbox")
    done = load_run(tmp_path / "run")
    for name in ("id", "status", "attack", "distance", "queries", "found_after", "verified"):
        assert done.records[name].equals(home.records[name])
    assert code == 0 and verify_log(tmp_path / "run") == []


@pytest.mark.usefixtures("short")
def test_a_target_that_goes_away_leaves_samples_unanswered(command, server, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD", 10)
    gone = Event()

    def answer(handler, number):
        if number > 100:
            gone.set()
        return gone.is_set() and handler.hang_up()

    server.behaviour.answer = answer
    code, out, err = audit(command, server)
    run = load_run(tmp_path / "run")
    unanswered = run.records["status"].to_pylist().count("unanswered")
    assert (
        code == 5 and run.verdict == "incomplete" and 0 < unanswered < run.samples and "Traceback" not in err
    )
    assert run.result["robust"] + unanswered <= run.result["clean_correct"], (
        "nobody knows that they withstood"
    )
    assert f"left over: {unanswered} not answered by the model" in " ".join(out.split())
    told = f"{unanswered} not answered by the model: robust accuracy is at most"
    assert told in (tmp_path / "run" / "report.html").read_text()

    server.behaviour.answer = lambda handler, number: False
    gone.clear()
    code, *_ = audit(command, server, "--resume")
    assert code == 0 and "unanswered" not in load_run(tmp_path / "run").records["status"].to_pylist()


@pytest.mark.usefixtures("short")
def test_a_budget_keeps_finished_shards(command, server, engagement, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD", 10)
    code, _, _ = audit(command, server, "--engagement", engagement(queries=1000))
    statuses = load_run(tmp_path / "run").records["status"].to_pylist()
    assert code == 5 and server.behaviour.rows <= 1000
    assert set(statuses[:20]) == {"robust", "broken"} and "unanswered" in statuses[30:]


@pytest.mark.usefixtures("short")
def test_every_budget_is_kept_to_the_query(command, server, engagement, tmp_path):
    for number, queries in enumerate((3, 30, 70, 90, 111, 400)):
        before = server.behaviour.rows
        path = engagement(queries=queries)
        (tmp_path / "engagement.toml.spent").unlink(missing_ok=True)
        code, _, err = audit(command, server, "--engagement", path, "--out", f"run{number}")
        assert code == 5 and server.behaviour.rows - before <= queries, err
        assert "Traceback" not in err


@pytest.mark.usefixtures("short")
def test_a_window_that_closes_in_the_midst_counts_nothing_that_is_not_verified(
    command, server, engagement, tmp_path, monkeypatch
):
    from sparring.engagement import permit

    late = {"by": 0.0}
    real = permit.time.time
    monkeypatch.setattr(
        permit, "time", type("Time", (), {"time": lambda: real() + late["by"], "monotonic": real})
    )

    def answer(handler, number):
        late["by"] = 7200.0 if number > 20 else 0.0
        return False

    server.behaviour.answer = answer
    code, out, _ = audit(command, server, "--engagement", engagement())
    run = load_run(tmp_path / "run")
    assert code == 5 and "ended at" in " ".join(out.split())
    assert set(run.records["status"].to_pylist()) == {"unanswered"} and run.result["robust"] == 0
    assert not [finding for finding in run.result["findings"] if finding["id"] == "unverified"]


def test_a_technique_that_is_not_allowed_sends_nothing(command, server, engagement):
    code, _, err = audit(command, server, "--engagement", engagement(technique="pgd"))
    assert (
        code == 2
        and "does not allow apgd-or-square (BestOf) of the suite blackbox; its techniques are pgd" in err
    )
    assert err.count("\n") == 2 and not server.behaviour.requests


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("technique", ["evasion", "Square", "BLACKBOX"])
def test_techniques_are_classes_attacks_and_suites(command, server, engagement, technique):
    assert audit(command, server, "--engagement", engagement(technique=technique), "--limit", 2)[0] == 0


def test_a_search_needs_its_technique_too(server, engagement):
    from sparring.attacks import Square
    from sparring.errors import UsageError

    model = sparring.load_model(server.address, engagement=engagement(technique="pgd"))
    with pytest.raises(UsageError, match="does not allow square"):
        sparring.search(
            model, (torch.rand(2, 1, 8, 8), torch.zeros(2, dtype=torch.int64)), Square(3), "linf:0.1"
        )
    assert not server.behaviour.requests


def test_an_engagement_is_for_an_address(command, server, engagement):
    words = ("--data", "data.npz", "--threat", "linf:0.03", "--engagement", engagement())
    code, _, err = command("audit", "--model", f"{models.__file__}:linear", *words)
    assert code == 2 and "this one runs here and needs none" in err


def test_an_engagement_cannot_be_put_on_a_model_that_is_loaded(server, engagement):
    from sparring.errors import UsageError

    model, path = sparring.load_model(server.address), engagement()
    data = torch.rand(2, 1, 8, 8), torch.zeros(2, dtype=torch.int64)
    with pytest.raises(UsageError, match="give it to load_model"):
        sparring.audit(model, data, "linf:0.1", "blackbox", engagement=path)


@pytest.mark.usefixtures("short")
def test_the_file_names_an_engagement_beside_it(command, server, engagement, tmp_path):
    engagement()
    text = f'schema = 1\n[model]\nsource = "{server.address}"\nengagement = "engagement.toml"\n'
    text += '[data]\nsource = "data.npz"\n'
    (tmp_path / "sparring.toml").write_text(text + '[[audit]]\nthreat = "linf:0.03"\nsuite = "blackbox"\n')
    code, _, err = command("audit", "--config", tmp_path / "sparring.toml", "--out", "run", "--limit", 4)
    assert code == 0 and err.startswith("engagement: Ada Byron")
    code, out, err = command("doctor", "--config", tmp_path / "sparring.toml", "--most", 8)
    assert code == 0, f"{out}{err}"


def test_init_writes_a_file_that_an_audit_of_an_address_can_use(command, server, engagement, tmp_path):
    engagement()
    words = ("--data", "data.npz", "--engagement", "engagement.toml")
    code, _, err = command("init", "--model", server.address, *words)
    text = (tmp_path / "sparring.toml").read_text()
    assert code == 0, err
    assert 'engagement = "engagement.toml"' in text and 'suite = "blackbox"' in text


@pytest.mark.usefixtures("short")
def test_two_workers_share_one_budget(command, server, engagement, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD", 10)
    code, _, err = audit(command, server, "--engagement", engagement(queries=900), "--workers", 2)
    assert code == 5, err
    assert server.behaviour.rows <= 900
    assert json.loads((tmp_path / "engagement.toml.spent").read_text())["queries"] <= 900


@pytest.mark.usefixtures("short")
def test_runs_verify_follows_the_log(command, server, engagement, tmp_path):
    audit(command, server, "--engagement", engagement(), "--limit", 8)
    code, out, _ = command("runs", "verify", "run")
    assert code == 0 and f"ends with {head(tmp_path / 'run')}" in out
    code, out, _ = command("runs", "verify", "run", "--model", server.address, "--data", "data.npz")
    assert code == 0 and "examples hold" in out
    command("report", "run", "--format", "md")
    assert json.loads((tmp_path / "run" / LOG).read_text().splitlines()[-1])["event"] == "reports written"
    text = (tmp_path / "run" / "result.json").read_text()
    (tmp_path / "run" / "result.json").write_text(text.replace("Ada Byron", "Eve"))
    code, out, _ = command("runs", "verify", "run")
    assert code == 2 and f"damaged: {LOG}: result.json is not as it was sealed" in out
