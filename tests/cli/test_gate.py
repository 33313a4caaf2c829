"""Gates on the command line: exit codes, one sentence for bad input, and nothing searched twice."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sparring.cli import app
from sparring.cli.failures import exit_code
from sparring.storage import load_run, save_run
from sparring.storage.baseline import load_baseline
from tests.cli import models
from tests.evaluation.gates.test_judging import run_of

MODEL = f"{Path(__file__).with_name('models.py')}:linear"


@pytest.fixture
def call(monkeypatch, capsys):
    """Run `sparring`; returns exit code, standard output with its lines joined, standard error."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["sparring", *map(str, words)])
        code = exit_code(app)
        out, err = capsys.readouterr()
        return code, " ".join(out.split()), err

    return run


@pytest.fixture
def folder(tmp_path):
    """A run with 60 of 100 drawn samples robust."""
    return save_run(run_of(60, 100), tmp_path / "run").folder


@pytest.mark.parametrize(
    ("minimum", "code", "word"), [(0.4, 0, "PASS"), (0.8, 1, "FAIL"), (0.6, 3, "INCONCLUSIVE")]
)
def test_the_exit_code_is_the_verdict(call, folder, minimum, code, word):
    found, out, err = call("gate", folder, "--min-robust-accuracy", minimum)
    assert (found, err) == (code, "")
    assert out.startswith(word) and "robust accuracy at least" in out


@pytest.mark.parametrize(("verdict", "code"), [("invalid", 4), ("incomplete", 5)])
def test_what_cannot_be_trusted_never_passes(call, tmp_path, verdict, code):
    folder = save_run(run_of(100, 100, verdict=verdict), tmp_path / "run").folder
    assert call("gate", folder, "--min-robust-accuracy", 0.1)[0] == code


def test_inconclusive_can_be_allowed_and_nothing_else(call, folder):
    assert call("gate", folder, "--min-robust-accuracy", 0.6, "--allow", "inconclusive")[0] == 0
    assert call("gate", folder, "--min-robust-accuracy", 0.8, "--allow", "inconclusive")[0] == 1
    code, _, err = call("gate", folder, "--min-robust-accuracy", 0.8, "--allow", "fail")
    assert code == 2 and "inconclusive" in err


def test_exit_zero_tells_the_verdict_and_ends_with_0(call, folder):
    code, out, _ = call("gate", folder, "--min-robust-accuracy", 0.8, "--exit-zero")
    assert code == 0 and out.startswith("FAIL")


def test_json_has_the_gates(call, folder):
    code, out, _ = call("gate", folder, "--min-robust-accuracy", 0.8, "--min-class-accuracy", 0.1, "--json")
    result = json.loads(out)
    assert code == 1 and [gate["verdict"] for gate in result["gates"]] == ["fail", "pass"]


def test_only_the_verdict_is_written_and_nothing_if_unwanted(call, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    call("gate", folder, "--min-robust-accuracy", 0.8, "--no-save")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    call("gate", folder, "--min-robust-accuracy", 0.8)
    assert load_run(folder).verdict == "fail"
    assert (folder / "records.parquet").read_bytes() == before["records.parquet"]
    report = (folder / "report.html").read_text()
    assert "robust accuracy at least 80%" in report.lower() and report.index("fail") < report.index(
        "The threat"
    )


def test_a_baseline_is_exported_and_held_against(call, folder, tmp_path):
    path = tmp_path / "baseline.json"
    code, out, _ = call("gate", folder, "--export-baseline", path)
    assert code == 0 and out.endswith("baseline.json") and len(load_baseline(path).statuses) == 100
    worse = save_run(run_of(30, 100), tmp_path / "worse").folder
    for baseline in (path, folder):
        code, out, _ = call("gate", worse, "--baseline", baseline, "--max-drop", 0.05)
        assert code == 1 and "30 lost and 0 gained of 100 drawn pairs" in out


BAD = {
    "no-gate": ([], "no gate is set"),
    "percent": (["--min-robust-accuracy", 45], "0.45"),
    "negative-drop": (["--max-drop", -1, "--baseline", "RUN"], "0.02"),
    "level": (["--min-robust-accuracy", 0.4, "--level", 0.05], "0.95"),
    "no-baseline": (["--max-drop", 0.02], "needs a baseline"),
    "no-drop": (["--min-robust-accuracy", 0.4, "--baseline", "RUN"], "needs a maximum drop"),
    "unknown-baseline": (["--max-drop", 0.02, "--baseline", "none.json"], "none.json does not exist"),
    "not-a-number": (["--min-robust-accuracy", "half"], "--min-robust-accuracy"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_gates_get_one_sentence_and_exit_code_2(call, folder, case):
    words, said = BAD[case]
    code, out, err = call("gate", folder, *(folder if word == "RUN" else word for word in words))
    assert code == 2 and said in err and err.count("\n") == 1 and "Traceback" not in out + err


def test_a_folder_without_a_run_gets_one_sentence(call, tmp_path):
    code, _, err = call("gate", tmp_path / "none", "--min-robust-accuracy", 0.4)
    assert code == 2 and "is not a folder" in err and err.count("\n") == 1


@pytest.fixture
def audit(call, tmp_path):
    """Run `sparring audit` on 60 images that the linear model gets right, 40 of them drawn."""
    grey = np.random.default_rng(0).integers(0, 256, (60, 1, 8, 8), dtype=np.uint8)
    labels = models.linear()(torch.from_numpy(grey).float() / 255).argmax(1).numpy()
    np.savez(tmp_path / "data.npz", x=grey, y=labels)

    def run(*words, out="run"):
        fixed = ["--model", MODEL, "--data", tmp_path / "data.npz", "--sample", 40, "--suite", "smoke"]
        return call("audit", *fixed, "--threat", "linf:1/255", "--out", tmp_path / out, *words)

    return run


def test_an_audit_is_judged_when_it_is_done(audit, tmp_path):
    code, out, _ = audit("--min-robust-accuracy", 0.999)
    run = load_run(tmp_path / "run")
    assert (
        run.result["data"]["drawn"] is True and run.verdict == "fail" and code == 1 and out.startswith("FAIL")
    )
    assert "at least 99.9%" in (tmp_path / "run" / "report.html").read_text()
    assert audit("--min-robust-accuracy", 0.999, "--exit-zero", out="again")[0] == 0


def test_smoke_never_passes(audit):
    assert audit("--min-robust-accuracy", 0.01)[0] == 3
    assert audit("--min-robust-accuracy", 0.01, "--allow", "inconclusive", out="again")[0] == 0


def test_an_audit_is_held_against_an_earlier_one(audit, tmp_path):
    assert audit()[0] == 0
    code, out, _ = audit("--max-drop", 0.3, "--baseline", tmp_path / "run", out="again")
    assert code == 3 and "0 lost and 0 gained of 40 drawn pairs" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--min-robust-accuracy", 45], "0.45"),
        (["--max-drop", 0.02], "needs a baseline"),
        (["--baseline", "none"], "none does not exist"),
        (["--max-drop", 0.02, "--baseline", "FOREIGN"], "under threat linf:8/255"),
    ],
)
def test_a_gate_that_cannot_be_judged_costs_no_search(audit, folder, words, said, monkeypatch):
    monkeypatch.setattr("sparring.finishing.run_audit", lambda *_: pytest.fail("searched"))
    code, _, err = audit(*(folder if word == "FOREIGN" else word for word in words), out="other")
    assert code == 2 and said in err and err.count("\n") == 1


def test_without_a_gate_an_audit_is_measured(audit):
    code, out, _ = audit()
    assert code == 0 and out.startswith("MEASURED")
