"""The command line, run as a user runs it: good input, bad input, exit codes, one sentence."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sparring.cli import app
from sparring.cli.failures import exit_code
from sparring.storage import load_run
from tests.cli import models

MODELS = Path(__file__).with_name("models.py")


@pytest.fixture
def data(tmp_path):
    """40 images of 8 by 8 that the linear model gets right, and whose margins are small."""
    grey = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8)
    labels = models.linear()(torch.from_numpy(grey).float() / 255).argmax(1).numpy()
    return _saved(tmp_path / "data.npz", x=grey, y=labels)


def _saved(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.fixture
def audit(tmp_path, data, monkeypatch, capsys):
    """Run `sparring audit`; returns exit code, standard output, standard error."""

    def run(**changes):
        options = {
            "model": f"{MODELS}:linear",
            "data": data,
            "threat": "linf:2/255",
            "suite": "smoke",
            "out": tmp_path / "run",
        }
        options |= changes
        words = [word for name, value in options.items() for word in _words(name, value)]
        monkeypatch.setattr(sys, "argv", ["sparring", "audit", *words])
        code = exit_code(app)
        return code, *capsys.readouterr()

    return run


def _words(name, value):
    if value is None:
        return []
    return [f"--{name}"] if value is True else [f"--{name}", str(value)]


def test_an_audit_leaves_a_whole_run_folder(audit, tmp_path):
    code, out, err = audit()
    assert code == 0 and err == ""
    run = load_run(tmp_path / "run")
    assert run.samples == 40 and run.result["clean_correct"] == 40
    assert "report.html" in out and (tmp_path / "run" / "report.html").stat().st_size < 2_000_000
    assert run.result["command"].startswith("sparring audit --model")


def test_json_is_for_machines(audit):
    code, out, _ = audit(json=True)
    assert code == 0 and json.loads(out)["kind"] == "audit"


def test_a_surrogate_leads_the_suite_for_scores(audit):
    code, out, _ = audit(suite="blackbox", queries=20, surrogate=f"{MODELS}:linear", json=True)
    assert code == 0
    assert json.loads(out)["suite"]["surrogate"]["name"] == "linear"


def test_a_small_memory_changes_no_result(audit, tmp_path):
    audit(out=tmp_path / "whole")
    code, _, err = audit(model=f"{MODELS}:SmallMemory", out=tmp_path / "small")
    assert code == 0, err
    assert load_run(tmp_path / "whole").records.equals(load_run(tmp_path / "small").records)


def test_ctrl_c_keeps_what_was_found(audit, tmp_path):
    code, out, err = audit(model=f"{MODELS}:Interrupted", suite="standard", threat="linf:1/255")
    assert code == 130 and "INCOMPLETE" in out and "Traceback" not in err
    run = load_run(tmp_path / "run")
    statuses = run.records["status"].to_pylist()
    assert run.verdict == "incomplete" and "unfinished" in statuses
    assert run.result["robust"] == statuses.count("robust")


def test_softmax_is_handled_and_reported(audit):
    code, out, _ = audit(model=f"{MODELS}:softmax")
    assert code == 0 and "probabilities" in " ".join(out.split())


def test_a_randomised_model_is_reported(audit, tmp_path):
    code, out, err = audit(model=f"{MODELS}:Noisy")
    assert code == 0 and "100 fresh draws" in " ".join(out.split()), err


def test_the_first_samples_warn_of_missing_classes(audit, tmp_path):
    _saved(tmp_path / "sorted.npz", x=_grey(4), y=np.arange(4))
    code, out, _ = audit(data=tmp_path / "sorted.npz", limit=2)
    assert code == 0 and "lack 2 of the classes" in " ".join(out.split())


def test_a_random_sample_gives_an_interval(audit, tmp_path):
    audit(sample=30)
    interval = load_run(tmp_path / "run").result["interval"]
    assert interval["low"] < interval["high"] and interval["method"] == "Clopper-Pearson"


def test_a_fault_of_ours_is_exit_70_with_a_log(audit, monkeypatch):
    monkeypatch.setattr("sparring.evaluation.auditing.run_of", lambda *_: 1 / 0)
    code, _, err = audit()
    assert code == 70 and err.count("\n") == 1
    log = Path(err.split()[-1])
    assert "ZeroDivisionError" in log.read_text()
    log.unlink()


BAD = {
    "missing-model": ({"model": "none.pt2"}, "none.pt2"),
    "missing-factory": ({"model": f"{MODELS}:linaer"}, 'did you mean "linear"'),
    "model-fails": ({"model": f"{MODELS}:Fails"}, "out of luck"),
    "model-fails-late": (
        {"model": f"{MODELS}:FailsLate", "suite": "standard", "threat": "linf:1/255"},
        "late",
    ),
    "needs-training-mode": ({"model": f"{MODELS}:TrainOnly"}, "training mode"),
    "nan-outputs": ({"model": f"{MODELS}:NaN"}, "NaN"),
    "nan-gradients": ({"model": f"{MODELS}:NaNGradient"}, "gradients"),
    "missing-data": ({"data": "none.npz"}, "none.npz"),
    "unknown-norm": ({"threat": "linv:8/255"}, 'did you mean "linf"'),
    "no-size": ({"threat": "linf"}, "8/255"),
    "negative-eps": ({"threat": "linf:-1"}, "positive"),
    "zero-eps": ({"threat": "linf:0"}, "positive"),
    "eps-larger-than-the-box": ({"threat": "linf:8"}, "8/255"),
    "unknown-suite": ({"suite": "standrad"}, 'did you mean "standard"'),
    "suite-without-l0": ({"suite": "labels", "threat": "l0:min"}, "l0"),
    "nothing-to-lead": ({"surrogate": f"{MODELS}:linear"}, "no attack of the suite smoke"),
    "missing-surrogate": ({"suite": "blackbox", "surrogate": "none.pt2"}, "none.pt2"),
    "unknown-precision": ({"precision": "float8"}, "float32"),
    "bad-mean": ({"mean": "0,a", "std": "1"}, "commas"),
    "limit-of-none": ({"limit": 0}, "limit"),
    "limit-and-sample": ({"limit": 3, "sample": 3}, "one of them"),
    "unknown-option": ({"treat": "x"}, "--threat"),
    "no-such-device": ({"device": "cuda:99"}, "cuda:99"),
    "unwritable-folder": ({"out": "/proc/nowhere"}, "/proc/nowhere"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_sentence_and_exit_code_2(audit, case):
    changes, words = BAD[case]
    code, out, err = audit(**changes)
    assert code == 2
    assert words in err and err.count("\n") == 1 and "Traceback" not in out + err


FILES = {
    "pickle-as-npz": (lambda path: path.write_bytes(b"\x80\x04}\x94."), "pickle"),
    "no-zip": (lambda path: path.write_bytes(b"PK\x03\x04 and then nothing"), "truncated"),
    "nan": (lambda path: _saved(path, x=np.full((4, 1, 8, 8), np.nan, np.float32), y=np.arange(4)), "NaN"),
    "grey-levels-as-floats": (
        lambda path: _saved(path, x=np.full((4, 1, 8, 8), 200.0, np.float32), y=np.arange(4)),
        "255",
    ),
    "labels-out-of-range": (lambda path: _saved(path, x=_grey(4), y=np.arange(4) + 3), "4 outputs"),
    "float-labels": (lambda path: _saved(path, x=_grey(4), y=np.arange(4) + 0.5), "integers"),
    "one-hot-labels": (lambda path: _saved(path, x=_grey(4), y=np.eye(4)), "argmax"),
    "empty": (lambda path: _saved(path, x=_grey(0), y=np.arange(0)), "no samples"),
    "wrong-shape": (lambda path: _saved(path, x=np.zeros((4, 3, 9, 9), np.uint8), y=np.arange(4)), "shape"),
}


def _grey(count):
    return np.zeros((count, 1, 8, 8), np.uint8)


@pytest.mark.parametrize("case", FILES)
def test_bad_data_get_one_sentence_and_exit_code_2(audit, tmp_path, case):
    write, words = FILES[case]
    write(tmp_path / "bad.npz")
    code, out, err = audit(data=tmp_path / "bad.npz")
    assert code == 2
    assert words in err and err.count("\n") == 1 and "Traceback" not in out + err


def test_a_pickle_in_disguise_is_refused(audit, tmp_path):
    (tmp_path / "net.pt2").write_bytes(b"\x80\x04}\x94.")
    code, _, err = audit(model=tmp_path / "net.pt2")
    assert code == 2 and "pickle" in err
