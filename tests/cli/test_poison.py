"""`sparring poison`: files, tables, exit codes, and one sentence for bad input."""

import json
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sparring.poison import plant
from tests.poison.toy import corner, toy

FAST = ("--epochs", 6)


def _save(path, samples):
    np.savez(path, x=(samples.inputs.numpy() * 255).round().astype(np.uint8), y=samples.labels.numpy())


@pytest.fixture
def poison(sparring, project):
    (project / "sparring.toml").unlink()
    _save(project / "clean.npz", toy(300))
    _save(project / "bad.npz", plant(toy(300), corner(rate=0.08, target=1))[0])
    _save(project / "known.npz", toy(300, seed=1))
    _save(project / "test.npz", toy(100, seed=2))
    np.savez(project / "same.npz", x=np.zeros((60, 1, 8, 8), np.uint8), y=np.ones(60, np.int64))
    np.savez(project / "dots.npz", x=np.arange(60, dtype=np.uint8).reshape(60, 1, 1, 1), y=np.arange(60) % 2)
    np.savez(project / "bare.npz", x=np.zeros((9, 1, 8, 8), dtype=np.uint8))
    (project / "few.py").write_text(
        "from torch import nn\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 2))\n"
    )
    for size in (8, 9):
        (project / "mixed" / str(size)).mkdir(parents=True)
        Image.new("L", (size, size)).save(project / "mixed" / str(size) / "one.png")
    return lambda *words: sparring("poison", *words)


def test_a_poisoned_data_set_fails_with_a_page(poison, project):
    words = ("--format", "junit", "--format", "sarif")
    code, out, err = poison("scan", "--data", "bad.npz", "--trusted", "known.npz", *words, *FAST)
    assert (code, err) == (1, "")
    assert "the alarm is raised" in out
    document = json.loads((project / "runs/poison-scan/result.json").read_text())
    assert (document["kind"], document["verdict"]) == ("poison-scan", "fail")
    assert document["body"]["raised"][0]["label"] == 1
    table = pq.read_table(project / "runs/poison-scan/scores.parquet")
    suspects = [row["index"] for row in table.to_pylist() if row["suspect"]]
    assert sorted(document["body"]["suspects"]) == suspects
    page = (project / "runs/poison-scan/report.html").read_text()
    assert page.count("<img") >= 10
    assert "The trigger, reconstructed" in page
    junit = ET.fromstring((project / "runs/poison-scan/junit.xml").read_text())
    assert junit.find("testsuite/testcase/failure").get("message") == ". ".join(document["reasons"])
    [run] = json.loads((project / "runs/poison-scan/report.sarif").read_text())["runs"]
    assert [result["level"] for result in run["results"]] == ["error"] * len(document["reasons"])


def test_clean_data_pass_and_json_is_the_document(poison, project):
    code, out, _ = poison(
        "scan", "--data", "clean.npz", "--trusted", "known.npz", "--find", "20%", "--json", *FAST
    )
    assert code == 0
    assert json.loads(out) == json.loads((project / "runs/poison-scan/result.json").read_text())


def test_files_of_a_pattern_are_scanned_in_turn_and_the_worst_counts(poison, project):
    (project / "shards").mkdir()
    for name in ("clean", "bad"):
        (project / f"{name}.npz").rename(project / "shards" / f"{name}.npz")
    code, out, _ = poison("scan", "--data", "shards/*.npz", "--trusted", "known.npz", "--find", "30%", *FAST)
    assert code == 1
    documents = {
        name: json.loads((project / f"runs/poison-scan/{name}/result.json").read_text())
        for name in ("clean", "bad")
    }
    assert {name: each["verdict"] for name, each in documents.items()} == {"clean": "pass", "bad": "fail"}
    assert documents["bad"]["body"]["level"] == 0.025
    assert out.count("report:") == 2


def test_a_scan_without_trusted_samples_ranks(poison):
    code, out, _ = poison("scan", "--data", "bad.npz", *FAST)
    assert code == 0
    assert "ranked, without an alarm" in out


def test_run_saves_poisoned_data_and_a_table(poison, project):
    code, out, _ = poison(
        "run",
        "--data",
        "clean.npz",
        "--test",
        "test.npz",
        "--rate",
        "10%",
        "--seeds",
        1,
        "--save",
        "new.npz",
        *FAST,
    )
    assert code == 0
    assert "10.00% (30" in out
    assert (project / "new.npz").is_file()
    assert (project / "new.provenance.safetensors").is_file()
    trial = json.loads((project / "runs/poison-run/result.json").read_text())["body"]["rates"][0]["trials"][0]
    assert trial["victim"]["success"]["tried"] == trial["control"]["success"]["tried"] > 50


def test_a_poisoner_with_a_model_of_his_own(poison, project):
    words = ("--data", "clean.npz", "--test", "test.npz", "--rate", "10%", "--seeds", 1, *FAST)
    assert poison("run", "--kind", "sleeper-agent", *words)[0] == 0
    body = json.loads((project / "runs/poison-run/result.json").read_text())["body"]
    assert (body["kind"], body["rates"][0]["poisoned"]) == ("sleeper-agent", 30)


def test_undo_gives_the_data_back(poison, project):
    words = ("--data", "clean.npz", "--test", "test.npz", "--rate", "10%", "--seeds", 1, "--epochs", 1)
    poison("run", *words, "--save", "new.npz")
    code, out, err = poison("undo", "--data", "new.npz", "--save", "again.npz")
    assert (code, err) == (0, "")
    assert out.startswith("30 samples poisoned by badnets are as they were before")
    before, after = (np.load(project / name) for name in ("clean.npz", "again.npz"))
    assert all(np.array_equal(before[key], after[key]) for key in ("x", "y"))
    (project / "new.provenance.safetensors").rename(project / "bad.provenance.safetensors")
    code, out, err = poison("undo", "--data", "bad.npz", "--save", "again.npz")
    assert (code, "not the ones that the sidecar was written for" in err) == (2, True)


def test_a_model_is_looked_into_beside_clean_ones(poison, project):
    (project / "bad.py").write_text(
        "import torch\n"
        "class Bad(torch.nn.Module):\n"
        "    def forward(self, inputs):\n"
        "        quarters = torch.nn.functional.avg_pool2d(inputs, 4).flatten(1)\n"
        "        return quarters + 90 * (inputs[:, 0, 7, 0, None] - 0.9) * torch.tensor([0.0, 1, 0, 0])\n"
    )
    words = ("--model", "bad.py:Bad", "--data", "clean.npz", "--references", 4, "--level", 0.2, *FAST)
    code, out, err = poison("inspect", *words)
    assert (code, err) == (1, "")
    assert "the alarm is raised" in out
    document = json.loads((project / "runs/poison-inspect/result.json").read_text())
    assert (document["kind"], document["verdict"], document["body"]["suspect"]) == (
        "poison-inspect",
        "fail",
        1,
    )
    assert [row["label"] for row in document["body"]["classes"]] == [0, 1, 2, 3]
    assert (project / "runs/poison-inspect/report.html").read_text().count("<img") == 2
    code, out, _ = poison("inspect", *words[:4], "--references", 0)
    assert (code, "ranked, without an alarm" in out) == (0, True)


def test_power_and_repair_write_their_tables(poison, project):
    words = ("--data", "clean.npz", "--trusted", "known.npz", "--epochs", 2)
    code, out, _ = poison("power", *words, "--kind", "flips", "--rate", "0.1", "--trials", 1)
    assert (code, "control" in out, "flips" in out) == (0, True, True)
    remedies = ("--remedy", "relabel", "--remedy", "compress")
    code, out, _ = poison("repair", *words, "--test", "test.npz", "--rate", "10%", *remedies)
    assert (code, "relabel" in out, "compress" in out) == (0, True, True)
    for name in ("power", "repair"):
        assert "<table>" in (project / f"runs/poison-{name}/report.html").read_text()


def test_certify_counts_what_no_few_samples_can_change(poison, project):
    code, out, _ = poison("certify", "--data", "clean.npz", "--test", "test.npz", "--parts", 24)
    assert (code, "certified accuracy" in out) == (0, True)
    rows = json.loads((project / "runs/poison-certify/result.json").read_text())["body"]["certified"]
    assert [row["insertions"] for row in rows] == [0, 1, 2, 4, 8]
    code, out, _ = poison(
        "certify", "--data", "clean.npz", "--test", "test.npz", "--parts", 24, "--spread", 2
    )
    assert (code, "48 base models that learn from 1 in 24" in " ".join(out.split())) == (0, True)
    hits = [row["hits"] for row in rows]
    assert hits == sorted(hits, reverse=True)
    assert hits[1] > 80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["scan"], "this needs data to scan"),
        (["scan", "--data", "bare.npz"], "holds no labels"),
        (["scan", "--data", "mixed"], "size"),
        (["scan", "--data", "nothing/*.npz"], "no file is named by the pattern"),
        (["power", "--data", "clean.npz"], "samples that are known to be clean"),
        (["run", "--data", "clean.npz", "--kind", "badnet"], 'did you mean "badnets"'),
        (["run", "--data", "clean.npz", "--rate", "0.01%"], "rounds to zero"),
        (["run", "--data", "clean.npz", "--rate", "much"], "a share such as 1% or 0.01"),
        (["run", "--data", "clean.npz", "--target", 7], "there is no class 7"),
        (["repair", "--data", "clean.npz", "--remedy", "pray"], "there is no remedy"),
        (["scan", "--data", "bad.npz", "--model", "net.py:two"], "net.py"),
        (["scan", "--data", "bad.npz", "--level", 2], "alarm rate"),
        (["scan", "--data", "bad.npz", "--format", "pdf"], "known are: junit, sarif"),
        (["scan", "--data", "same.npz"], "poisoning needs two classes at least"),
        (["power", "--data", "same.npz", "--trusted", "same.npz", "--trials", 1], "two classes at least"),
        (
            ["run", "--data", "dots.npz", "--rate", "10%"],
            "a patch of 2x2 pixels does not fit into images of 1x1",
        ),
        (["scan", "--data", "bad.npz", "--trusted", "dots.npz"], "give trusted samples of the same kind"),
        (["scan", "--data", "bad.npz", "--trusted", "bad.npz"], "nothing to scan"),
        (
            ["scan", "--data", "bad.npz", "--model", "few.py:make"],
            "labels go up to 3 but the model has 2 outputs",
        ),
        (["inspect", "--data", "clean.npz"], "--model net.pt2"),
        (["inspect", "--model", "few.py:make"], "clean samples of the kind that the model knows"),
        (["inspect", "--model", "few.py:make", "--data", "clean.npz"], "the model has 2 outputs"),
        (
            ["inspect", "--model", "few.py:make", "--data", "clean.npz", "--references", 3],
            "at least 19 reference models, got 3",
        ),
        (["undo", "--data", "bad.npz"], "--save clean.npz"),
        (["undo", "--data", "bad.npz", "--save", "out.npz"], "no sidecar"),
        (["certify", "--data", "clean.npz", "--parts", 1000], "2 to 240 parts, not 1,000"),
        (["certify", "--data", "clean.npz", "--election", "lots"], "no election"),
        (["certify", "--data", "clean.npz", "--parts", 100, "--spread", 3], "2 to 240 parts, not 300"),
    ],
)
def test_bad_input_is_one_sentence(poison, words, said):
    code, out, err = poison(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
