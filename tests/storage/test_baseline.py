import json

import pytest

from sparring.errors import DataError, UsageError
from sparring.storage import save_run
from sparring.storage.baseline import baseline_of, export_baseline, load_baseline, open_baseline
from tests.reports.runs import make_run


@pytest.fixture
def path(tmp_path):
    return export_baseline(make_run(40), tmp_path / "baseline.json")


def test_a_baseline_survives_the_disk(path):
    loaded, made = load_baseline(path), baseline_of(make_run(40), str(path))
    assert loaded == made
    assert len(loaded.statuses) == 40 and loaded.drawn and loaded.threat == "linf:8/255"


def test_it_has_a_line_per_sample_and_the_same_bytes_each_time(path, tmp_path):
    again = export_baseline(make_run(40), tmp_path / "again.json")
    assert path.read_bytes() == again.read_bytes()
    assert sum('", ' in line for line in path.read_text().splitlines() if line.startswith("    [")) == 40


def test_a_run_a_folder_and_a_file_are_the_same_baseline(path, tmp_path):
    save_run(make_run(40), tmp_path / "run")
    opened = [open_baseline(each) for each in (make_run(40), tmp_path / "run", path, load_baseline(path))]
    assert all(each.statuses == opened[0].statuses for each in opened)


def _broken(**changes):
    return lambda text: json.dumps(json.loads(text) | changes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[:100], "cannot be read as JSON"),
        (lambda text: "[]", "should be object"),
        (lambda text: "{}", "has no schema_version"),
        (_broken(kind="audit"), "known are baseline"),
        (_broken(schema_version="2.0"), "install a newer one"),
        (_broken(samples=[["id", "3", "robust"]]), r"samples\[0\] should be an id, a label and a status"),
        (_broken(samples=[["id", 3, "fine"]]), r"samples\[0\]"),
        (_broken(samples=[["id", 3]]), r"samples\[0\]"),
    ],
)
def test_a_broken_or_foreign_file_gets_one_sentence(path, change, words):
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError, match=words):
        load_baseline(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.json does not exist"):
        open_baseline(tmp_path / "none.json")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "net.pt").write_bytes(b"\x80\x04}\x94.")
    with pytest.raises(DataError, match="cannot be read as JSON"):
        load_baseline(tmp_path / "net.pt")


def test_an_unfinished_run_is_no_baseline(tmp_path):
    with pytest.raises(UsageError, match="this run is incomplete"):
        export_baseline(make_run(40, verdict="incomplete"), tmp_path / "baseline.json")
    with pytest.raises(UsageError, match="is a folder"):
        export_baseline(make_run(40), tmp_path)
