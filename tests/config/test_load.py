"""The file: what it says, and what is wrong with it, with the line."""

from pathlib import Path

import pytest

from sparring.config import Config, load_config
from sparring.errors import UsageError

GOOD = """
schema = 1
[model]
source = "net.py:make"        # relative to this file
weights = "weights.pth"
mean = [0.485, 0.456, 0.406]
std  = [0.229, 0.224, 1]
[data]
source = "val/"
classes = "classes.txt"
resize = 256
crop = 224
sample = 1000
[[audit]]
threat = "linf:8/255"
suite = "smoke"
[audit.gate]
min_robust_accuracy = 0.45
[[audit]]
threat = "l2:0.5"
"""


def read(folder: Path, text: str) -> Config:
    (folder / "sparring.toml").write_text(text)
    return load_config(folder / "sparring.toml")


def fault(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(folder, text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_paths_are_relative_to_the_file(tmp_path):
    config = read(tmp_path, GOOD)
    assert (
        config.model.source == f"{tmp_path}/net.py:make" and config.model.weights == f"{tmp_path}/weights.pth"
    )
    assert config.data.source == f"{tmp_path}/val" and config.data.classes == f"{tmp_path}/classes.txt"
    assert config.model.std == (0.229, 0.224, 1)


def test_a_file_where_we_run_keeps_its_paths_short(tmp_path, monkeypatch):
    (tmp_path / "sparring.toml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert load_config("sparring.toml").model.source == "net.py:make"


@pytest.mark.parametrize("source", ["timm:resnet18", "hf:some/name", "http://localhost:8000/v2"])
def test_what_has_a_scheme_is_no_path(tmp_path, source):
    assert read(tmp_path, GOOD.replace("net.py:make", source)).model.source == source


def test_audits_have_gates_of_their_own(tmp_path):
    first, second = read(tmp_path, GOOD).audit
    assert (first.threat, first.suite, first.gate.min_robust_accuracy) == ("linf:8/255", "smoke", 0.45)
    assert (second.threat, second.suite, second.gate) == ("l2:0.5", "fast", None)


def test_a_baseline_lies_beside_the_file(tmp_path):
    config = read(tmp_path, GOOD + '[audit.gate]\nmax_drop = 0.02\nbaseline = "base.json"\n')
    assert config.audit[1].gate.baseline == f"{tmp_path}/base.json"


WRONG = {
    "unknown-key": ('sample = 1000', 'smaple = 1000', 'line 13: [data] has no key "smaple"; did you mean "sample"?'),
    "unknown-table": ("[data]", "[dat]", 'line 8: the file has no key "dat"; did you mean "data"?'),
    "unknown-gate": ("min_robust_accuracy", "min_accuracy", 'line 18: [audit.gate] has no key "min_accuracy"'),
    "text-for-a-number": ("resize = 256", 'resize = "256"', 'resize of [data] must be a whole number, but is "256"'),
    "fraction-for-a-count": ("resize = 256", "resize = 25.6", "line 11: resize of [data] must be a whole number"),
    "truth-for-a-count": ("crop = 224", "crop = true", "line 12: crop of [data] must be a whole number, but is true"),
    "number-for-text": ('"smoke"', "1", "line 16: suite of [[audit]] must be text in quotes, but is 1"),
    "number-for-a-list": ("[0.485, 0.456, 0.406]", "0.5", "mean of [model] must be a list of numbers, but is 0.5"),
    "text-in-a-list": ("0.456", '"a"', 'line 6: mean of [model] must be a number, but is "a"'),
    "empty-list": ("[0.485, 0.456, 0.406]", "[]", "line 6: mean of [model] must be a list that is not empty"),
    "empty-text": ('"val/"', '""', "line 9: source of [data] must be text that is not empty"),
    "gate-that-can-never-be-met": ("= 0.45", "= 45", "min_robust_accuracy of [audit.gate] must be at most 1"),
    "nan": ("= 0.45", "= nan", "line 18: min_robust_accuracy of [audit.gate] must be"),
    "no-samples": ("sample = 1000", "sample = 0", "line 13: sample of [data] must be at least 1, but is 0"),
    "one-of-few": ('suite = "smoke"', 'precision = "float8"', "line 16: precision of [[audit]] must be 'float32'"),
    "date-for-a-table": ('[model]', 'features = 1979-05-27\n[model]', "line 3: features must be a table"),
    "other-version": ("schema = 1", "schema = 2", "line 2: schema must be 1, but is 2"),
    "no-version": ("schema = 1", "", "schema = 1"),
    "no-source": ('source = "val/"', "", 'line 8: [data] lacks its key "source"'),
    "no-threat": ('threat = "linf:8/255"', "", 'line 14: [[audit]] lacks its key "threat"'),
    "broken": ("resize = 256", "resize = ", "(at line 11, column"),
    "said-twice": ("crop = 224", "resize = 224", "is no TOML: cannot overwrite a value (at line 12"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_fault_is_one_sentence_with_its_line(tmp_path, case):
    old, new, words = WRONG[case]
    assert old in GOOD
    assert words in fault(tmp_path, GOOD.replace(old, new, 1))


def test_audits_are_a_list(tmp_path):
    text = GOOD[: GOOD.index("[[audit]]")]
    assert "the file has no [[audit]]" in fault(tmp_path, text)
    assert "line 14: [[audit]] must be a list of tables" in fault(
        tmp_path, text + '[audit]\nthreat = "l2:1"\n'
    )


def test_the_line_of_a_list_over_several_lines_is_where_it_begins(tmp_path):
    assert "line 6" in fault(tmp_path, GOOD.replace("0.485, ", "0.485, # why\n\n 'a', \n"))


def test_text_in_a_value_is_no_key(tmp_path):
    text = GOOD.replace('"classes.txt"', '"""\n[data]\nresize = 3\n"""').replace(
        "resize = 256", 'resize = "a"'
    )
    assert "line 14: resize" in fault(tmp_path, text)


def test_the_first_of_several_faults_is_told(tmp_path):
    assert "line 9" in fault(tmp_path, GOOD.replace('"val/"', "1").replace('"smoke"', "1"))


def test_a_missing_file_says_what_writes_one(tmp_path):
    with pytest.raises(UsageError, match="sparring init"):
        load_config(tmp_path / "sparring.toml")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00"])
def test_bytes_that_are_no_text_are_one_sentence(tmp_path, content):
    (tmp_path / "sparring.toml").write_bytes(content)
    with pytest.raises(UsageError, match=r"sparring\.toml"):
        load_config(tmp_path / "sparring.toml")


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "sparring.toml").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        load_config(tmp_path / "sparring.toml")
