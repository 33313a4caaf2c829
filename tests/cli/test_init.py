"""`sparring init`, run as a user runs it, and what follows from it."""

import tomllib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sparring.cli import run_init
from tests.cli.files import DEMO


@pytest.fixture
def demo(project):
    (project / "demo.py").write_text(DEMO)
    (project / "sparring.toml").unlink()
    return project


@pytest.fixture
def answers(monkeypatch):
    """Sit at a terminal and give these answers; returns the questions that were asked."""
    asked = []

    def prepare(*given):
        left = iter(given)
        monkeypatch.setattr(run_init, "_on_terminal", lambda: True)
        monkeypatch.setattr(
            run_init.typer, "prompt", lambda question, **_: (asked.append(question), next(left))[1]
        )
        return asked

    return prepare


def written(folder):
    return tomllib.loads((folder / "sparring.toml").read_text())


def test_init_doctor_audit_from_the_file(demo, sparring):
    code, out, err = sparring("init", "--model", "demo.py:normalised", "--data", "demo.py:images")
    assert (code, out, err) == (0, "sparring.toml\n", "")
    assert written(demo)["model"] == {"source": "demo.py:normalised", "mean": [0.1307], "std": [0.3081]}
    assert "missing" in (demo / "sparring.toml").read_text()
    assert sparring("doctor")[0] == 0
    code, out, _ = sparring("audit", "--suite", "smoke", "--limit", 10)
    assert code == 0 and "MEASURED" in out


def test_the_file_says_what_was_seen(demo, sparring):
    sparring("init", "--model", "demo.py:plain", "--data", "demo.py:images")
    text = (demo / "sparring.toml").read_text()
    assert "150 samples of 1x28x28, 10 classes, 8-bit" in text and "8 of 255 grey levels" in text
    assert written(demo)["audit"] == [{"threat": "linf:8/255", "suite": "fast"}]


def test_a_normalisation_too_many_is_left_out(demo, sparring):
    options = ["--model", "demo.py:plain", "--data", "demo.py:images", "--mean", "0.6", "--std", "0.5"]
    assert sparring("init", *options)[0] == 0
    assert "mean" not in written(demo)["model"]


def test_what_cannot_be_repaired_in_the_file_is_told(demo, sparring):
    code, _, err = sparring("init", "--model", "demo.py:softmax", "--data", "demo.py:images")
    assert code == 0 and "warning: outputs: probabilities" in err


def test_many_samples_are_drawn_from(project, sparring):
    np.savez(
        project / "many.npz",
        x=np.random.default_rng(0).integers(0, 256, (1200, 1, 8, 8), np.uint8),
        y=np.arange(1200) % 4,
    )
    assert sparring("init", "--model", "net.py:make", "--data", "many.npz", "--force")[0] == 0
    assert written(project)["data"] == {"source": "many.npz", "sample": 1000}


def test_a_file_that_is_there_is_never_written_over(project, sparring):
    before = (project / "sparring.toml").read_text()
    code, _, err = sparring("init", "--model", "net.py:make", "--data", "data.npz")
    assert code == 2 and "--force" in err and (project / "sparring.toml").read_text() == before
    assert sparring("init", "--model", "net.py:make", "--data", "data.npz", "--force")[0] == 0
    assert (project / "sparring.toml").read_text() != before


def test_paths_are_written_relative_to_the_file(demo, sparring):
    (demo / "ci").mkdir()
    code, _, _ = sparring(
        "init", "--model", "demo.py:plain", "--data", demo / "data.npz", "--out", "ci/sparring.toml"
    )
    assert code == 2  # the data do not fit the model, and nothing was written
    assert not (demo / "ci" / "sparring.toml").exists()
    assert (
        sparring("init", "--model", "net.py:make", "--data", demo / "data.npz", "--out", "ci/sparring.toml")[
            0
        ]
        == 0
    )
    file = written(demo / "ci")
    assert (file["model"]["source"], file["data"]["source"]) == ("../net.py:make", "../data.npz")
    assert sparring("doctor", "--config", "ci/sparring.toml")[0] == 0


@pytest.mark.parametrize("words", [[], ["--model", "net.py:make"], ["--data", "data.npz"]])
def test_without_a_terminal_nothing_is_asked(demo, sparring, words):
    code, out, err = sparring("init", *words)
    assert code == 2 and out == "" and "init needs --" in err and err.count("\n") == 1


def test_on_a_terminal_only_what_is_missing_is_asked(demo, sparring, answers):
    asked = answers("demo.py:plain")
    assert sparring("init", "--data", "demo.py:images")[0] == 0
    assert len(asked) == 1 and asked[0].startswith("model")


TABLE = """
from torch import nn
def make():
    return nn.Linear(3, 2)
"""


@pytest.fixture
def table(demo):
    columns = np.random.default_rng(0).normal(size=(3, 60))
    rows = {
        "age": columns[0],
        "size": columns[1],
        "cost": columns[2],
        "outcome": (columns[0] > 0).astype(int),
    }
    pq.write_table(pa.table(rows), demo / "table.parquet")
    (demo / "net.py").write_text(TABLE)
    return demo


def test_a_table_asks_for_its_labels_and_threat_until_they_make_sense(table, sparring, answers):
    asked = answers("outcome", "linv:1", "linf:0.1")
    code, _, err = sparring("init", "--model", "net.py:make", "--data", "table.parquet")
    assert code == 0 and "[features]" in err and 'did you mean "linf"' in err
    assert "age, size, cost, outcome" in asked[0] and len(asked) == 3
    assert written(table)["data"] == {"source": "table.parquet", "labels": "outcome"}
    assert written(table)["audit"][0]["threat"] == "linf:0.1"


def test_a_piped_table_names_the_options_it_needs(table, sparring):
    options = ["--model", "net.py:make", "--data", "table.parquet"]
    assert "name the label column" in sparring("init", *options)[2]
    code, _, err = sparring("init", *options, "--labels", "outcome")
    assert code == 2 and "--threat" in err
    assert sparring("init", *options, "--labels", "outcome", "--threat", "l2:0.1")[0] == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"--model": "none.pt2"}, "none.pt2"),
        ({"--data": "none.npz"}, "none.npz"),
        ({"--threat": "linv:1"}, 'did you mean "linf"'),
        ({"--mean": "a", "--std": "1"}, "commas"),
        ({"--out": "nowhere/sparring.toml"}, "nowhere"),
    ],
)
def test_bad_input_is_one_sentence(demo, sparring, options, words):
    given = {"--model": "net.py:make", "--data": "data.npz"} | options
    code, _, err = sparring("init", *(word for pair in given.items() for word in pair))
    assert code == 2 and words in err and err.count("\n") == 1
    assert not (demo / "sparring.toml").exists()
