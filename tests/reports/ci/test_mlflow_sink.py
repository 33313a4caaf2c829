"""Runs logged to a real MLflow, in a database of its own."""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from sparring.errors import MissingExtraError
from sparring.reports import log_to_mlflow
from sparring.storage import save_run
from tests.reports.gated import EVIL, gated, named

READ = """
import json, sys
import mlflow
client = mlflow.MlflowClient()
(run,) = client.search_runs(["0"])
files = sorted(each.path for each in client.list_artifacts(run.info.run_id))
tags = {name: value for name, value in run.data.tags.items() if name.startswith("sparring.")}
print(json.dumps([run.info.run_id, run.info.status, run.data.metrics, run.data.params, tags, files]))
"""
REPORT = """
import sys
from sparring.cli import main
sys.argv = ["sparring", "report", "run", "--format", "md", "--mlflow"]
main()
"""
needs_mlflow = pytest.mark.skipif(find_spec("mlflow") is None, reason="needs pip install 'sparring[mlflow]'")


@pytest.fixture
def process(tmp_path, monkeypatch):
    """Run Python beside an MLflow that keeps everything in this folder; MLflow is slow to load and full of state."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_LOGGING_LEVEL", "ERROR")

    def run(*words):
        return subprocess.run(
            [sys.executable, *map(str, words)], capture_output=True, text=True, cwd=tmp_path
        )

    return run


@needs_mlflow
def test_a_run_arrives_with_everything(process, tmp_path):
    run = save_run(named(gated("fail"), EVIL), tmp_path / "run")
    done = process("-c", REPORT)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    read = process("-c", READ)
    found, status, metrics, parameters, tags, files = json.loads(read.stdout)
    assert status == "FINISHED" and told == ["run/summary.md", f"MLflow run {found}"]
    assert (
        metrics["robust_accuracy"] == run.robust_accuracy and metrics["clean_accuracy"] == run.clean_accuracy
    )
    assert (metrics["robust_accuracy_low"], metrics["robust_accuracy_high"]) == (0.201, 0.312)
    assert metrics["forwards"] == 123_456 and metrics["seconds"] == 83.2
    assert (
        parameters["seed"] == "0" and parameters["data_digest"] == "cd" * 32 and parameters["threat"] == EVIL
    )
    assert tags == {"sparring.verdict": "fail", "sparring.version": "0.1.0"}
    assert files == ["records.parquet", "report.html", "result.json"]


@needs_mlflow
def test_an_mlflow_that_cannot_be_reached_is_one_sentence(process, tmp_path, monkeypatch):
    save_run(gated("fail"), tmp_path / "run")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////proc/none/mlflow.db")
    done = process("-c", REPORT)
    assert done.returncode == 2 and done.stdout == "run/summary.md\n"
    assert "did not take the run" in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


def test_without_mlflow_the_command_to_install_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sparring\[mlflow\]'"):
        log_to_mlflow(gated("fail"))
