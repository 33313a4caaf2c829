import json
import shutil

import pytest
import torch

from sparring.errors import DataError
from sparring.storage import Run, load_run, save_run
from tests.reports.runs import make_run

FILES = ("result.json", "records.parquet", "attempts.parquet", "adversarial.safetensors")


@pytest.fixture(scope="module")
def run():
    return make_run(40)


@pytest.fixture
def folder(run, tmp_path):
    save_run(run, tmp_path / "run")
    return tmp_path / "run"


def test_a_run_survives_the_disk(run, folder):
    loaded = load_run(folder)
    assert loaded.result == run.result
    assert loaded.records.equals(run.records)
    assert loaded.attempts.equals(run.attempts)
    assert loaded.tensors.keys() == run.tensors.keys()
    assert all(torch.equal(loaded.tensors[name], run.tensors[name]) for name in run.tensors)
    assert loaded.folder == folder


def test_equal_runs_give_equal_bytes(folder, tmp_path):
    again = save_run(make_run(40), tmp_path / "again").folder
    assert all((folder / name).read_bytes() == (again / name).read_bytes() for name in FILES)


def test_a_run_without_breaks_survives(tmp_path):
    bare = make_run(1, seed=1, robust=0)
    fates = [status.as_py() for status in bare.records["status"]]
    bare.result["robust"] = fates.count("robust")
    bare.tensors.update(index=torch.empty(0, dtype=torch.int64), adversarial=torch.empty(0, 3, 32, 32))
    assert load_run(save_run(bare, tmp_path).folder).tensors["adversarial"].shape == (0, 3, 32, 32)


def test_the_counts_become_accuracies(run):
    statuses = run.records["status"].to_pylist()
    assert run.samples == 40
    assert run.clean_accuracy == 1 - statuses.count("clean_error") / 40
    assert run.robust_accuracy == statuses.count("robust") / 40
    assert run.verdict == "measured"
    assert f"{statuses.count('robust')} of 40 robust" in repr(run)


def test_the_card_escapes_and_shows_robust_accuracy(run):
    named = Run(run.result | {"model": {"name": "<script>x</script>"}}, run.records, run.attempts)
    card = named._repr_html_()
    assert "<script>" not in card
    assert f"{run.robust_accuracy:.1%}" in card


def test_a_folder_that_is_none_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="is not a folder"):
        load_run(tmp_path / "none")
    with pytest.raises(DataError, match="holds no whole run"):
        load_run(tmp_path)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"hello", None], ids=["empty", "foreign", "missing"])
def test_a_broken_file_is_one_sentence_with_its_name(folder, name, content):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        load_run(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_one_sentence_with_its_name(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=name):
        load_run(folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schema_version": "2.0"}, "install a newer one"),
        ({"schema_version": None}, "was not written by an audit"),
        ({"samples": 41}, "counts 41 samples"),
        ({"robust": 0}, "counts 0 robust"),
        ({"verdict": "fine"}, "known are measured"),
        ({"forwards": "many"}, "forwards should be integer"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_result_that_is_wrong_is_one_sentence(folder, change, sentence):
    result = json.loads((folder / "result.json").read_text()) | change
    (folder / "result.json").write_text(json.dumps(result))
    with pytest.raises(DataError, match=sentence):
        load_run(folder)


@pytest.mark.parametrize("content", ["[]", "1", "null", '{"a": 1}'])
def test_other_json_is_refused(folder, content):
    (folder / "result.json").write_text(content)
    with pytest.raises(DataError, match="schema_version"):
        load_run(folder)


def test_files_of_two_runs_do_not_pass_for_one(folder, tmp_path):
    other = save_run(make_run(40, seed=5), tmp_path / "other").folder
    shutil.copy(other / "records.parquet", folder / "records.parquet")
    with pytest.raises(DataError, match="robust samples"):
        load_run(folder)


def test_no_result_is_left_while_the_rest_is_replaced(run, folder, monkeypatch):
    def full(*_):
        raise DataError("full disk")

    monkeypatch.setattr("sparring.storage.tables.write", full)
    with pytest.raises(DataError, match="full disk"):
        save_run(run, folder)
    with pytest.raises(DataError, match=r"result\.json is missing"):
        load_run(folder)


def test_numbers_that_json_cannot_hold_are_refused_before_anything_is_written(run, tmp_path):
    strange = Run(run.result | {"seconds": float("nan")}, run.records, run.attempts, run.tensors)
    with pytest.raises(DataError, match="as JSON"):
        save_run(strange, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_tensors_that_share_memory_can_be_saved(run, tmp_path):
    rows = torch.rand(2, 3, 32, 32)
    index = torch.tensor([1, 2])
    shared = {"index": index, "adversarial": rows, "gallery_index": index, "gallery_inputs": rows}
    save_run(Run(run.result, run.records, run.attempts, shared), tmp_path)
    assert torch.equal(load_run(tmp_path).tensors["gallery_inputs"], rows)
