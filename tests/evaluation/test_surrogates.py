"""Audits that a surrogate leads: what it saves, who counts, and sentences for those that cannot lead."""

import pytest
import torch

import sparring
from sparring.attacks import SquareL2
from sparring.demo import nets
from sparring.errors import ModelError, UsageError
from sparring.threat import Linf
from tests.evaluation.search.test_query_budget import Target, scores_of

DATA = nets.images(24)


def test_a_surrogate_saves_queries_and_is_named():
    plain = sparring.audit(nets.plain(), DATA, "linf:0.1", "blackbox", queries=40)
    led = sparring.audit(nets.plain(), DATA, "linf:0.1", "blackbox", queries=40, surrogate=nets.plain())
    assert led.result["robust"] < plain.result["robust"]
    assert led.result["suite"]["surrogate"]["digest"] and "surrogate" not in plain.result["suite"]
    assert any("the surrogate" in note for note in led.result["model"]["notes"])
    assert "surrogate=" in led.result["python"]


def test_only_the_target_counts(monkeypatch):
    monkeypatch.setattr("sparring.models.canonical.ROWS", {})
    target, own = Target(nets.plain()), nets.robust()
    run = sparring.audit(scores_of(target), DATA, "linf:0.06", "blackbox", queries=30, surrogate=own)
    assert target.shown == run.result["query_budget"]["asked"] + 2 * 8
    assert max(run.records["forwards"].to_pylist()) <= 30
    assert not any(weight.grad is not None for weight in own.parameters())


def test_a_run_led_by_another_is_another_run(tmp_path):
    runs = [
        sparring.audit(
            nets.plain(), DATA, Linf(0.06), "blackbox", queries=12, surrogate=own, out=tmp_path / name
        )
        for name, own in {"a": nets.robust(), "b": nets.plain()}.items()
    ]
    assert runs[0].result["suite"]["surrogate"]["digest"] != runs[1].result["suite"]["surrogate"]["digest"]


BAD = {
    "no-gradients": (
        {"surrogate": sparring.load_model(nets.plain()).having(gradients=False)},
        ModelError,
        "gives no gradients",
    ),
    "nothing-to-lead": ({"suite": [SquareL2(9)], "threat": "l2:1"}, UsageError, "no attack of the suite"),
    "other-shape": (
        {"surrogate": torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))},
        ModelError,
        "surrogate Sequential does not take these samples",
    ),
    "workers": ({"workers": 2}, UsageError, "leads one process"),
    "other-classes": (
        {"surrogate": torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 7))},
        ModelError,
        "7 classes and the model under attack with 10",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_surrogate_that_cannot_lead_is_refused(case):
    changes, kind, words = BAD[case]
    options = {"threat": "linf:0.06", "suite": "blackbox", "surrogate": nets.robust()} | changes
    with pytest.raises(kind, match=words):
        sparring.audit(nets.plain(), DATA, queries=20, **options)
