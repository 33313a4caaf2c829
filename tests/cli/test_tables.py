"""A table on the command line: proposed, audited, reported, verified; without [features] it is invalid."""

import json
import tomllib

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs pip install 'sparring[tabular]'")
pytest.importorskip("skops")

import skops.io
from sklearn.tree import DecisionTreeClassifier

from sparring.storage import load_run
from tests.data.test_features import NAMES, rows


@pytest.fixture
def table(project):
    """A project with a decision tree and a table."""
    values = rows(120)
    labels = (values[:, 0] / 10 + values[:, 1] / 3e4 + 2 * values[:, 3] > 8).astype(np.int64)
    skops.io.dump(
        DecisionTreeClassifier(max_depth=5, random_state=0).fit(values, labels), project / "model.skops"
    )
    lines = [",".join([*NAMES, "label"])]
    lines += [
        ",".join(f"{value:.9g}" for value in [*row, label]) for row, label in zip(values, labels, strict=True)
    ]
    (project / "table.csv").write_text("\n".join(lines))
    (project / "sparring.toml").unlink()
    return project


def test_from_init_to_verify(table, sparring):
    code, _, err = sparring("init", "--model", "model.skops", "--data", "table.csv", "--threat", "linf:0.5")
    assert code == 0, err
    text = (table / "sparring.toml").read_text()
    said = tomllib.loads(text)["features"]
    assert (
        said["age"]["step"] == 1
        and said["pay"]["step"] == 0.01
        and said["kind"] == {"one_hot": ["kind_red", "kind_blue"]}
    )
    assert 'suite = "blackbox"' in text
    (table / "sparring.toml").write_text(text.replace("born = { ", "born = { mutable = false, "))
    code, out, err = sparring("audit", "--queries", 60, "--out", "run")
    assert code == 0, err
    run = load_run(table / "run")
    assert run.verdict == "measured" and "Recognised of each class before and after" in " ".join(out.split())
    assert 0 < run.result["robust"] < run.result["clean_correct"]
    html = (table / "run" / "report.html").read_text()
    assert "What was changed" in html and html.count("<td>age</td>") > 1, (
        "once in the table, else in the gallery"
    )
    clean, broken = (run.tensors[name].double() for name in ("clean", "adversarial"))
    assert bool(((broken - clean)[:, 2] == 0).all()) and bool(((broken - clean)[:, 0] % 1 == 0).all())
    code, out, err = sparring("runs", "verify", "run", "--model", "model.skops", "--data", "table.csv")
    assert code == 0, out + err


@pytest.mark.parametrize(
    ("threat", "suite"), [("linf:min", "trees"), ("l2:min", "labels"), ("l2:1", "blackbox")]
)
def test_trees_get_suites_that_need_no_slopes(table, sparring, threat, suite):
    code, _, err = sparring("init", "--model", "model.skops", "--data", "table.csv", "--threat", threat)
    assert code == 0, err
    assert tomllib.loads((table / "sparring.toml").read_text())["audit"][0]["suite"] == suite


def test_without_features_it_is_invalid(table, sparring):
    words = ("--model", "model.skops", "--data", "table.csv", "--threat", "linf:5", "--suite", "blackbox")
    code, out, _ = sparring("audit", *words, "--queries", 20, "--json")
    result = json.loads(out)
    assert code == 4 and result["verdict"] == "invalid"
    assert "nobody said what their columns may become" in result["reasons"][0]
    code, out, _ = sparring("doctor", *words)
    assert "table data need [features]" in " ".join(out.split())


def test_a_wrong_column_is_one_sentence(table, sparring):
    sparring("init", "--model", "model.skops", "--data", "table.csv", "--threat", "linf:0.5")
    text = (table / "sparring.toml").read_text()
    (table / "sparring.toml").write_text(text.replace("age = {", "aeg = {"))
    code, _, err = sparring("audit")
    assert code == 2 and 'about a column "aeg"; did you mean "age"?' in err
    (table / "sparring.toml").write_text(text.replace("step = 1,", "stpe = 1,"))
    code, _, err = sparring("audit")
    assert code == 2 and 'has no key "stpe"; did you mean "step"?' in err
