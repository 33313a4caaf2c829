"""`sparring detect`: fit, score, evaluate, and one sentence for bad input."""

import json

import numpy as np
import pytest

NET = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    net[1].weight.data.mul_(4)
    return net

def other():
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 4))

def noisy():
    net = make()
    return lambda inputs: net(inputs) + torch.randn(len(inputs), 4)
"""


@pytest.fixture
def detect(sparring, project):
    (project / "net.py").write_text(NET)
    draws = np.random.default_rng(0)
    pixels = draws.integers(60, 200, (160, 1, 8, 8), dtype=np.uint8)
    import torch

    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 4)
    labels = linear(torch.from_numpy(pixels).float().flatten(1) / 255).argmax(1).numpy()
    np.savez(project / "data.npz", x=pixels, y=labels)
    np.savez(project / "wide.npz", x=np.zeros((9, 1, 9, 9), np.uint8), y=np.zeros(9, np.int64))

    def run(word, *words, model="net.py:make", data="data.npz"):
        return sparring("detect", word, *words, "--model", model, "--data", data)

    return run


@pytest.fixture
def fitted(detect):
    code, out, err = detect("fit", "--out", "d")
    assert (code, err) == (0, "")
    assert "calibrated on 60 clean samples" in out
    return detect


def test_fit_score_explain(fitted, project):
    code, out, err = fitted("score", "d", "--rate", 0.1, "--explain", 3, "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert len(told["inputs"]) == 160
    assert all(line["flagged"] == (line["score"] > told["threshold"]) for line in told["inputs"])
    page = (project / "explained.html").read_text()
    assert "Input 3" in page
    assert "mahalanobis" in page
    code, out, _ = fitted("score", "d", "--rate", 0.1)
    assert code == 0
    assert "flagged at a rate of 0.1" in out


def test_evaluate_writes_a_result_and_a_page(fitted, project):
    code, out, err = fitted(
        "evaluate", "d", "--threat", "linf:0.05", "--rates", "0.1", "--steps", 5, "--limit", 40
    )
    assert (code, err) == (0, "")
    assert "robust, aware" in out
    document = json.loads((project / "runs/detect/result.json").read_text())
    assert document["kind"] == "detection"
    (line,) = document["body"]["rates"]
    assert line["evaded"] <= line["accepted"]
    assert "At each rate of false alarms" in (project / "runs/detect/report.html").read_text()


def test_scores_are_weighed_by_an_attack(detect, project):
    code, out, _ = detect("fit", "--attack", "linf:0.1", "--out", "d", "--json")
    assert code == 0
    assert len(json.loads(out)["weights"]) == 2


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (("score", "d", "--rate", 0.01), {}, "at least 99 clean samples"),
        (("score", "d"), {"data": "wide.npz"}, "fails on inputs of shape"),
        (("score", "d"), {"model": "net.py:other"}, "another model"),
        (("score", "d"), {"model": "net.py:noisy"}, "answers at random"),
        (("score", "d", "--explain", 900), {}, "no input at position 900"),
        (("score", "nowhere"), {}, "holds no detector"),
        (("evaluate", "d", "--config", "none.toml"), {}, "there is no none.toml"),
        (("evaluate", "d", "--threat", "linf:0.1", "--rates", "often"), {}, "numbers with commas"),
        (("fit", "--scores", "magic"), {}, "unknown score"),
        (("fit", "--limit", 8), {}, "at least 32"),
    ],
)
def test_bad_input_is_one_sentence(fitted, words, options, said):
    code, _, err = fitted(*words, **options)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_what_no_option_says_is_read_from_the_file(fitted, sparring, project):
    (project / "sparring.toml").write_text(
        'schema = 1\n[model]\nsource = "net.py:make"\n[data]\nsource = "data.npz"\nlimit = 20\n'
        '[[audit]]\nthreat = "linf:0.05"\n'
    )
    code, out, err = sparring("detect", "evaluate", "d", "--rates", 0.1, "--steps", 5, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["body"]["threat"] == "linf:0.05"
    code, out, err = sparring("detect", "score", "d", "--json")
    assert (code, err) == (0, "")
    assert len(json.loads(out)["inputs"]) == 20
    code, _, err = sparring("detect", "fit", "--out", "again")
    assert code == 2
    assert "learns from other samples" in err
    assert sparring("detect", "fit", "--data", "data.npz", "--out", "again")[0] == 0
