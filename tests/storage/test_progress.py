"""Which run is gone on with: told by numbers, never by clocks."""

import os

import pytest

from sparring.errors import DataError, UsageError
from sparring.storage.claim import claimed, is_claimed
from sparring.storage.progress import begin, number_of, unfinished


@pytest.fixture
def runs(tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        begin(tmp_path / name, "plan", resume=False)
    return tmp_path


def test_runs_are_counted_as_they_begin(runs):
    assert [number_of(runs / name) for name in ("one", "two", "three")] == [1, 2, 3]


def test_the_newest_unfinished_run_is_found_although_the_clock_was_set_back(runs):
    for back, name in enumerate(("one", "two", "three")):
        os.utime(runs / name / "plan.json", (1e9 - 1e6 * back, 1e9 - 1e6 * back))
    assert unfinished(runs, "plan") == runs / "three"
    (runs / "three" / "result.json").write_text('{"verdict": "measured"}')
    assert unfinished(runs, "plan") == runs / "two"
    assert unfinished(runs, "another plan") is None


@pytest.mark.parametrize("content", ["", "[]", '{"digest": 7}', '{"number": "x"}'])
def test_a_plan_that_makes_no_sense_is_nobodys(runs, content):
    (runs / "three" / "plan.json").write_text(content)
    assert number_of(runs / "three") == 0
    assert unfinished(runs, "plan") == runs / "two"


def test_a_resumed_run_keeps_its_number(runs):
    begin(runs / "one", "plan", resume=True)
    assert number_of(runs / "one") == 1
    with pytest.raises(UsageError, match="holds another run"):
        begin(runs / "one", "another plan", resume=True)


def test_a_claim_is_seen_while_it_lasts(tmp_path):
    assert not is_claimed(tmp_path / "run")
    with claimed(tmp_path / "run"):
        assert is_claimed(tmp_path / "run")
    assert not is_claimed(tmp_path / "run")


def test_a_full_disk_at_the_beginning_is_one_sentence(runs, monkeypatch):
    (runs / "new").mkdir()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match=r"plan\.json cannot be written: No space left on device"):
        begin(runs / "new", "plan", resume=False)
    assert not list((runs / "new").iterdir())
