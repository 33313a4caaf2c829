import errno
import os

import pytest

from sparring.errors import DataError, UsageError
from sparring.storage.files import appearing, replacing


def test_the_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "result.json"
    with replacing(target) as path:
        path.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["result.json"]


def write_half(target, error):
    with replacing(target) as path:
        path.write_text("half")
        raise error


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "result.json"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_half(target, KeyboardInterrupt())
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.json"]


def test_a_full_disk_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="cannot be written: No space left"):
        write_half(tmp_path / "a", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="cannot be written: No such file"):
        write_half(tmp_path / "none" / "a", None)


def test_the_bytes_are_flushed_before_the_name_changes(tmp_path, monkeypatch):
    events = []
    fsync, move = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (events.append("flush"), fsync(descriptor)))
    monkeypatch.setattr(os, "replace", lambda *names: (events.append("rename"), move(*names)))
    monkeypatch.setattr("pathlib.Path.replace", lambda self, target: os.replace(self, target))
    with replacing(tmp_path / "a") as path:
        path.write_text("x")
    assert events == ["flush", "rename", "flush"]


def test_a_folder_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "new" / "examples"
    with appearing(target) as folder:
        (folder / "a").write_text("whole")
        assert not target.exists()
    assert os.listdir(target) == ["a"] and os.listdir(tmp_path / "new") == ["examples"]


def fill_half(target, error):
    with appearing(target) as folder:
        (folder / "a").write_text("half")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_nothing_is_left_of_a_folder_that_failed(tmp_path, error):
    with pytest.raises((KeyboardInterrupt, DataError)):
        fill_half(tmp_path / "examples", error)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("kept")
    for taken in (tmp_path, tmp_path / "mine"):
        with pytest.raises(UsageError, match="holds something already"), appearing(taken):
            pytest.fail("entered")
    assert (tmp_path / "mine").read_text() == "kept" and os.listdir(tmp_path) == ["mine"]
