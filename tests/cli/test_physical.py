"""`sparring physical`: from a model to paper and back, in one folder; bad input in one sentence."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from sparring.cli import app
from sparring.cli.failures import exit_code
from tests.physical.small import pictures

pytest.importorskip("cv2").setNumThreads(1)
pytest.importorskip("reportlab")
pytest.importorskip("pypdfium2")

NET = "from tests.physical.small import net as make\n"
PATCH = (
    "patch", "--model", "net.py:make", "--data", "data.npz", "--target", "2", "--side", "48 mm", "--patch", "24 mm",
    "--feature", "6 mm", "--steps", "10", "--looks", "8", "--photos", "1", "--out", "run",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("paper")
    (place / "net.py").write_text(NET)
    inputs, labels = pictures(18)
    np.savez(place / "data.npz", x=(inputs * 255).round().byte().numpy(), y=labels.numpy())
    return place


@pytest.fixture
def physical(folder, monkeypatch, capsys):
    """Run `sparring physical` in the folder; returns exit code, standard output, standard error."""
    monkeypatch.chdir(folder)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["sparring", "physical", *map(str, words)])
        code = exit_code(app)
        return code, *capsys.readouterr()

    return run


def test_to_paper_and_back(physical, folder):
    code, out, err = physical(*PATCH)
    assert (
        (code, err) == (0, "") and "class 2 comes out" in out and (folder / "run" / "report.html").is_file()
    )
    code, out, err = physical("sheet", "run", "--objects", "1", "--arms", "none, patch")
    assert (code, err) == (0, "") and out.split() == ["run/sheet-1.pdf", "run/sheet-1.png"]
    code, out, err = physical("rehearse", "run")
    assert (code, err) == (0, "") and out.split() == ["run/simulated/simulated-1-1.jpg"]
    code, _, err = physical("sheet", "run", "--tiles", "a4")
    assert code == 2 and "fits on a4 as it is" in err and err.count("\n") == 1
    code, out, err = physical("sheet", "run", "--objects", "1", "--arms", "none, patch", "--tiles", "a5")
    assert (code, err) == (0, "") and out.split()[-1] == "run/sheet-1-tiles.pdf"
    (folder / "text.jpg").write_text("no picture")
    code, out, err = physical("score", "run", "run/simulated/simulated-1-1.jpg", "text.jpg", "--json")
    assert code == 2 and "text.jpg is no picture" in err and err.count("\n") == 1
    result = json.loads(out)
    assert result == json.loads((folder / "run" / "result.json").read_text()) and result["kind"] == "physical"
    captured = [each for each in result["body"]["levels"] if each["level"] == 4]
    assert [(each["arm"], each["successes"]) for each in captured] == [("none", 0), ("patch", 1)]
    assert "simulated capture" in (folder / "run" / "report.html").read_text()


def test_a_printer_is_measured_and_used(physical, folder):
    from sparring.physical import load_scenario
    from sparring.physical.paper.pdf import rasterised
    from sparring.physical.runs.rendering import render

    code, out, _ = physical("chart")
    assert (code, out) == (0, "chart.pdf\n")
    place = load_scenario("scanner").having(long_side=1854.0, exposure=-0.3)
    values = {name: float(each[0]) for name, each in place.draw(["one"]).items()}
    capture = render(rasterised(folder / "chart.pdf", 152.4), (210, 297), values, 0)
    (folder / "scan.jpg").write_bytes(capture.jpeg)
    code, out, err = physical("calibrate", "scan.jpg", "--out", "mine.toml")
    assert (code, err) == (0, "") and "dot gain" in out and (folder / "mine.palette.json").is_file()
    measured = load_scenario(folder / "mine.toml").ranges["dot_gain"][0]
    assert measured.low < values["dot_gain"] < measured.high
    few = (*PATCH, "--steps", "2", "--out", "kept", "--scenario", "mine.toml")
    assert physical(*few, "--palette", "mine.palette.json")[0] == 0
    code, _, err = physical(*few, "--palette", "data.npz")
    assert code == 2 and "data.npz is no palette" in err
    code, _, err = physical("calibrate", "net.py")
    assert code == 2 and "no picture that can be read" in err


def test_stickers_of_other_shapes(physical, folder):
    shape = np.zeros((9, 12), np.uint8)
    shape[:3] = shape[:, :4] = 255
    Image.fromarray(shape).save(folder / "mask.png")
    words = (*PATCH, "--steps", "2", "--out", "sticker", "--height", "18 mm", "--mask")
    code, _, err = physical(*words, "mask.png")
    page = (folder / "sticker" / "report.html").read_text()
    assert (code, err) == (0, "") and "covers 9.4% of a picture" in page  # half of 24 x 18 of 48 x 48 mm
    code, _, err = physical(*words, "net.py")
    assert code == 2 and "no picture that can be read" in err and err.count("\n") == 1


def test_pictures_are_perturbed(physical, folder):
    words = (
        "perturb",
        "--model",
        "net.py:make",
        "--data",
        "data.npz",
        "--sample",
        "3",
        "--steps",
        "2",
        "--looks",
        "2",
    )
    code, out, err = physical(*words, "--photos", "1", "--side", "48 mm", "--out", "changed")
    assert (code, err) == (0, "") and "perturbed" in out and (folder / "changed" / "report.html").is_file()
    code, _, err = physical(*words, "--threat", "l2:1")
    assert code == 2 and "under linf" in err


def test_light_is_thrown(physical, folder):
    words = ("light", "--model", "net.py:make", "--data", "data.npz", "--sample", "2", "--side", "48 mm")
    few = ("--steps", "3", "--looks", "1", "--photos", "1", "--scenario", "scanner", "--kind")
    code, out, err = physical(*words, *few, "beam", "--out", "lit")
    page = (folder / "lit" / "report.html").read_text()
    assert (code, err) == (0, "") and "beam" in out and "A beam was thrown on each of 2 objects" in page
    code, _, err = physical("sheet", "lit")
    assert code == 2 and "threw a beam on objects; nothing of it is printed" in err
    code, _, err = physical(*words, *few, "lamp")
    assert code == 2 and 'no kind of light "lamp"' in err and err.count("\n") == 1


def test_certificates_are_counted(physical):
    words = ("certify", "--model", "net.py:make", "--data", "data.npz", "--masks", "3")
    code, out, err = physical(*words, "--patch", "3 px", "--json")
    counts = json.loads(out)
    assert (code, err) == (0, "") and counts["samples"] == 18
    assert counts["certified"]["count"] <= counts["cleansed"]["count"] <= 18
    code, _, err = physical(*words, "--patch", "16 px")
    assert code == 2 and "not smaller than a picture" in err
    code, _, err = physical(*words, "--patch", "3 mm")
    assert code == 2 and "is in mm" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("patch", "--model", "net.py:make"), "needs a model and pictures"),
        (("light", "--model", "net.py:make"), "needs a model and pictures"),
        ((*PATCH, "--patch", "60 mm"), "larger than the picture of 48 mm"),
        ((*PATCH, "--side", "48"), "--side has no unit"),
        ((*PATCH, "--side", "48 kg"), "is in kg"),
        ((*PATCH, "--scenario", "scaner"), 'did you mean "scanner"'),
        ((*PATCH, "--target", "stop"), "no class is named 'stop'"),
        ((*PATCH, "--target", "9"), "classes 0 to 2"),
        ((*PATCH, "--class", "5"), "no picture of class 5"),
        (("sheet", "nowhere"), "nowhere holds no run on paper"),
        (("score", "nowhere", "a.jpg"), "nowhere holds no run on paper"),
        (("rehearse", "nowhere"), "nowhere holds no run on paper"),
    ],
)
def test_bad_input_gets_one_sentence(physical, words, said):
    code, out, err = physical(*words)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1


def test_a_page_that_is_too_small_and_a_model_that_changed_are_named(physical, folder):
    assert physical(*PATCH, "--out", "other")[0] == 0
    code, _, err = physical("sheet", "other", "--page", "a9")
    assert code == 2 and 'no page "a9"' in err
    assert physical("sheet", "other")[0] == 0
    (folder / "net.py").write_text(
        NET + "from torch import nn\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(768, 3))\n"
    )
    code, _, err = physical("score", "other", "a.jpg")
    assert code == 2 and "is not the model any more" in err
    (folder / "net.py").write_text(NET)
