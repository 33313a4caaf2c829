"""`sparring compare`: a table, a page, and one sentence for bad input."""

import json

import pytest

NET = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 4))

def other():
    return make()
"""


@pytest.fixture
def compare(sparring, project):
    (project / "net.py").write_text(NET)

    def run(*words):
        return sparring("compare", "--data", "data.npz", "--limit", 6, *words)

    return run


def test_models_and_defences_side_by_side(compare, project):
    (project / "result.json").write_text(json.dumps({"kind": "training", "seconds": 75.0}))
    code, out, err = compare(
        "--model", "net.py:make", "--model", "net.py:other", "--defence", "bits:2", "--threat", "linf:0.05"
    )
    assert (code, err) == (0, "")
    assert "if unaware" in out
    document = json.loads((project / "runs/compare/result.json").read_text())
    assert document["kind"] == "comparison"
    first, second, rounded = document["body"]["lines"]
    assert (first["kind"], second["kind"], rounded["kind"]) == ("model", "model", "defence")
    assert first["robust"] == second["robust"]
    assert first["unaware"] is None
    assert rounded["unaware"] >= rounded["robust"]
    assert first["training"] == 75.0
    assert all(
        line["interval"]["low"] <= line["robust"] / 6 <= line["interval"]["high"] for line in (first, rounded)
    )
    page = (project / "runs/compare/report.html").read_text()
    assert "make + bits:2" in page
    assert "1 min 15 s" in page


def test_a_detector_beside_its_model(compare, sparring, project):
    code, _, err = sparring(
        "detect", "fit", "--model", "net.py:make", "--data", "data.npz", "--scores", "energy", "--out", "d"
    )
    assert (code, err) == (0, "")
    code, out, err = compare(
        "--model",
        "net.py:make",
        "--detector",
        "d",
        "--threat",
        "linf:0.05",
        "--rate",
        0.2,
        "--steps",
        5,
        "--json",
    )
    assert (code, err) == (0, "")
    line = json.loads(out)["body"]["lines"][1]
    assert line["kind"] == "detector"
    assert line["robust"] <= line["clean"]


def test_what_no_option_says_is_read_from_the_file(sparring, project):
    words = ("compare", "--defence", "bits:2", "--limit", 6, "--json")
    code, out, err = sparring(*words)
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["samples"] == 6
    assert document["body"]["threat"] == "linf:2/255"
    assert document["body"]["suite"] == "smoke"
    (project / "sparring.toml").write_text("schema = 2")
    assert sparring(*words)[0] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--threat", "linf:0.1", "--config", "none.toml"), "there is no none.toml"),
        (("--model", "net.py:make", "--threat", "linf:0.1"), "at least two"),
        (("--model", "net.py:make", "--defence", "jepg", "--threat", "linf:0.1"), 'did you mean "jpeg"'),
        (("--model", "net.py:make", "--defence", "jpeg:best", "--threat", "linf:0.1"), "must be a number"),
        (("--model", "net.py:make", "--defence", "bits:2.5", "--threat", "linf:0.1"), "whole number"),
        (("--model", "net.py:make", "--detector", "nowhere", "--threat", "linf:0.1"), "holds no detector"),
    ],
)
def test_bad_input_is_one_sentence(compare, words, said):
    code, _, err = compare(*words)
    assert code == 2
    assert said in err
