"""`sparring report`: files and paths for good input, one sentence for bad."""

import json
import sys
from xml.etree import ElementTree as ET

import pytest

from sparring.cli import app
from sparring.cli.failures import exit_code
from sparring.storage import save_run
from tests.reports.gated import gated

FILES = {"html": "report.html", "junit": "junit.xml", "sarif": "report.sarif", "md": "summary.md"}


@pytest.fixture
def folder(tmp_path):
    return save_run(gated("fail"), tmp_path / "run").folder


@pytest.fixture
def report(folder, monkeypatch, capsys):
    """Run `sparring report`; returns exit code, standard output, standard error."""

    def run(*words, of=folder):
        monkeypatch.setattr(sys, "argv", ["sparring", "report", str(of), *map(str, words)])
        code = exit_code(app)
        return code, *capsys.readouterr()

    return run


def test_all_formats_go_into_the_run_folder(report, folder):
    code, out, err = report()
    assert (code, err) == (0, "")
    assert out.splitlines() == [str(folder / name) for name in FILES.values()]
    assert ET.parse(folder / "junit.xml").getroot().get("failures") == "1"
    assert json.loads((folder / "report.sarif").read_text())["version"] == "2.1.0"
    assert (folder / "summary.md").read_text().startswith("## Sparring: fail")
    assert (folder / "report.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("name", FILES)
def test_one_format_writes_one_file_and_prints_its_path(report, tmp_path, name):
    code, out, err = report("--format", name, "--out", tmp_path / "new" / "ci")
    assert (code, out, err) == (0, f"{tmp_path / 'new' / 'ci' / FILES[name]}\n", "")
    assert [path.name for path in (tmp_path / "new" / "ci").iterdir()] == [FILES[name]]


def test_a_format_named_twice_is_written_once(report):
    code, out, _ = report("--format", "md, junit,md")
    assert code == 0 and out.count("\n") == 2


def test_sarif_points_at_the_configuration(report, folder, tmp_path):
    config = tmp_path / "sparring.toml"
    config.write_text("[[audit]]\n[audit.gate]\nmin_robust_accuracy = 0.45\n")
    assert report("--format", "sarif", "--config", config)[0] == 0
    (result, *_) = json.loads((folder / "report.sarif").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("sparring.toml") and place["region"]["startLine"] == 3


def test_reports_are_the_same_each_time(report, folder):
    report()
    before = [(folder / name).read_bytes() for name in FILES.values()]
    report()
    assert before == [(folder / name).read_bytes() for name in FILES.values()]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "html,junti"], 'did you mean "junit"'),
        (["--format", ""], "html, junit, md, sarif"),
        (["--format", "sarif", "--config", "none.toml"], "none.toml"),
        (["--out", "/proc/nowhere"], "/proc/nowhere"),
    ],
)
def test_bad_input_gets_one_sentence_and_leaves_nothing(report, folder, words, said):
    before = sorted(path.name for path in folder.iterdir())
    code, out, err = report(*words)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_folder_that_holds_no_run_gets_one_sentence(report, folder, tmp_path):
    code, _, err = report(of=tmp_path / "none")
    assert code == 2 and "none is not a folder" in err
    (folder / "result.json").write_text('{"half')
    code, out, err = report()
    assert (code, out) == (2, "") and "result.json" in err and err.count("\n") == 1
    assert not (folder / "junit.xml").exists()
