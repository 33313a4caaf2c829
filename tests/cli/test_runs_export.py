"""`sparring runs export`: what it writes is what the model falls for, and bad input gets one sentence."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.storage import load_run, save_run
from sparring.storage.baseline import load_baseline
from tests.cli import models
from tests.reports.runs import make_run


@pytest.fixture
def audited(sparring, project):
    """A real run in the project."""
    code, _, err = sparring("audit", "--out", "run")
    assert (code, err) == (0, "")
    return project / "run"


def test_every_file_fools_the_model_from_within_the_threat(sparring, project, audited):
    code, out, err = sparring(
        "runs", "export", "run", "--examples", "examples", "--baseline", "baseline.json"
    )
    *paths, last = out.splitlines()
    broken = [record for record in load_run(audited).records.to_pylist() if record["status"] == "broken"]
    assert (code, err, last) == (0, "", "baseline.json") and len(paths) == len(broken) > 3
    assert len(load_baseline(project / "baseline.json").statuses) == 30
    with np.load(project / "data.npz") as data:
        inputs = torch.from_numpy(data["x"]).float() / 255
    for path in map(project.joinpath, paths):
        said = json.loads(path.with_suffix(".json").read_text())
        if path.suffix == ".png":
            stored = torch.from_numpy(np.array(Image.open(path)))[None].float() / 255
        else:
            stored = torch.from_numpy(np.load(path)["adversarial"])
        change = (stored - inputs[said["sample"]["index"]]).abs().max()
        answer = int(models.linear()(stored[None]).argmax())
        assert answer == said["adversarial"]["prediction"] != said["sample"]["label"]
        assert (
            float(change) == pytest.approx(said["adversarial"]["distance"], abs=1e-6)
            and change <= 2 / 255 + 1e-6
        )
    assert sum(path.endswith(".png") for path in paths) == sum(record["broken_8bit"] for record in broken) > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run"], "say what to export"),
        (["none", "--examples", "new"], "none is not a folder"),
        (["run", "--examples", "run"], "run holds something already"),
        (["run", "--examples", "data.npz"], "data.npz holds something already"),
        (["run", "--examples", "/proc/new"], "/proc/new cannot be written"),
        (["run", "--baseline", "run"], "run is a folder"),
        (["run", "--baseline", "/proc/b.json"], "/proc/b.json cannot be written"),
        (["unfinished", "--baseline", "b.json"], "this run is incomplete"),
    ],
)
def test_bad_input_gets_one_sentence(sparring, project, words, said):
    save_run(make_run(20), project / "run")
    save_run(make_run(20, verdict="incomplete"), project / "unfinished")
    before = sorted(project.rglob("*"))
    code, out, err = sparring("runs", "export", *words)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1
    assert sorted(project.rglob("*")) == before
