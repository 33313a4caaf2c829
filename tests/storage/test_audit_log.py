"""The audit log: what happened to a run, in a chain that shows every change but one that makes it all anew."""

import json
import os
import signal
import subprocess
import sys
import time
from hashlib import sha256

import pytest

import sparring
from sparring.demo import nets
from sparring.errors import DataError
from sparring.storage.audit_log import LOG, TORN, head, note, note_aside, seal, verify_log


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A run folder with a log, which no test changes."""
    folder = tmp_path_factory.mktemp("original") / "run"
    sparring.audit(nets.plain(), nets.images(20), "linf:0.1", "smoke", out=folder)
    return folder


@pytest.fixture
def run(original, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for path in original.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


def entries(folder):
    return [json.loads(line) for line in (folder / LOG).read_bytes().splitlines()]


def test_an_audit_writes_down_what_it_did(original):
    begun, shard, writing, sealed, written = entries(original)
    assert (begun["event"], begun["threat"], begun["suite"]) == ("begun", "linf:0.1", "smoke")
    assert begun["engagement"] is None and begun["data"]["samples"] == 20 and begun["model"]["digest"]
    result = json.loads((original / "result.json").read_text())
    assert (shard["samples"], shard["forwards"]) == (20, result["forwards"])
    assert sealed["files"]["result.json"] == sha256((original / "result.json").read_bytes()).hexdigest()
    assert writing["event"] == "writing" and len(sealed["files"]) == 4 and written["verdict"] == "measured"
    assert verify_log(original) == verify_log(original / LOG) == []


def test_each_line_has_the_digest_of_the_one_before(original):
    lines = (original / LOG).read_bytes().splitlines()
    for before, entry in zip(lines, entries(original)[1:], strict=False):
        assert entry["previous"] == sha256(before).hexdigest()
    assert head(original) == sha256(lines[-1]).hexdigest()


def _changed(lines):
    return [lines[0].replace("linf:0.1", "linf:0.2"), *lines[1:]]


CHANGES = {
    "a changed line": (_changed, "line 2 does not follow"),
    "a removed line": (lambda lines: [lines[0], *lines[2:]], "line 2 does not follow"),
    "a removed beginning": (lambda lines: lines[1:], "line 1 does not follow"),
    "lines that changed places": (
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        "line 2 does not follow",
    ),
    "a line twice": (lambda lines: [lines[0], *lines], "line 2 does not follow"),
    "a line of another kind": (lambda lines: [lines[0], "[]", *lines[1:]], "line 2 is not whole"),
    "an empty line": (lambda lines: [lines[0], "", *lines[1:]], "line 2 is not whole"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_the_log_shows(run, change):
    edit, words = CHANGES[change]
    lines = (run / LOG).read_text().splitlines()
    (run / LOG).write_text("\n".join(edit(lines)) + "\n")
    assert words in verify_log(run)[0]


@pytest.mark.parametrize(
    "name", ["result.json", "records.parquet", "attempts.parquet", "adversarial.safetensors"]
)
def test_every_change_of_a_sealed_file_shows(run, name):
    content = bytearray((run / name).read_bytes())
    content[len(content) // 2] ^= 1
    (run / name).write_bytes(content)
    assert verify_log(run) == [f"{name} is not as it was sealed"]
    (run / name).unlink()
    assert verify_log(run) == [f"{name} is missing"]


def test_a_new_verdict_is_written_down_and_sealed(run):
    from sparring.storage.verdict import save_verdict

    save_verdict(sparring.gate(run, min_robust_accuracy=0.01))
    assert [entry["event"] for entry in entries(run)[-3:]] == ["judged", "writing", "sealed"]
    assert verify_log(run) == []


def test_an_entry_with_any_text_is_one_line(run):
    note(run, "exported", to="a\nb\r\u2028 ü", files="these are not digests")
    assert verify_log(run) == [] and len(entries(run)) == 6


def test_a_torn_line_is_told_closed_and_told_again(run):
    whole = (run / LOG).read_bytes()
    (run / LOG).write_bytes(whole[:-40])
    (problem,) = verify_log(run)
    assert problem == "line 5 is not whole: a kill cut it off, and a resume would close it"
    note(run, "resumed")
    seal(run)
    assert [entry["event"] for entry in _readable(run)][2:] == [
        "writing",
        "sealed",
        TORN,
        "resumed",
        "sealed",
    ]
    assert verify_log(run) == []


def test_a_line_that_only_lacks_its_end_is_whole(run):
    (run / LOG).write_bytes((run / LOG).read_bytes().removesuffix(b"\n"))
    assert verify_log(run) == []
    note(run, "exported")
    assert verify_log(run) == []


def _readable(folder):
    found = []
    for line in (folder / LOG).read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def test_garbage_in_the_middle_is_no_torn_line(run):
    lines = (run / LOG).read_text().splitlines()
    (run / LOG).write_text("\n".join([lines[0], lines[1][:30], *lines[2:]]) + "\n")
    assert "line 2 is not whole" in verify_log(run)


WRITER = """
import sys
from pathlib import Path
from sparring.storage.audit_log import note
number = 0
while True:
    note(Path(sys.argv[1]), "shard finished", number=number, text="x" * 5000)
    number += 1
"""


def test_writers_that_are_killed_leave_one_chain(tmp_path):
    (tmp_path / LOG).touch()
    for _ in range(2):
        writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)]) for _ in range(2)]
        size, end = (tmp_path / LOG).stat().st_size, time.monotonic() + 60
        while (tmp_path / LOG).stat().st_size < size + 100_000 and time.monotonic() < end:
            time.sleep(0.005)
        for writer in writers:
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait()
    note(tmp_path, "resumed")
    assert verify_log(tmp_path) == ["the log seals no files: the run was not finished"]
    assert len(_readable(tmp_path)) > 30


def test_a_run_without_a_log_says_so(tmp_path):
    with pytest.raises(DataError, match="made without a log"):
        verify_log(tmp_path)
    note_aside(tmp_path, "exported")
    seal(tmp_path)
    assert head(tmp_path) is None and not (tmp_path / LOG).exists()


def test_a_log_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / LOG).mkdir()
    with pytest.raises(DataError, match=r"audit\.log\.jsonl cannot be written"):
        note(tmp_path, "begun")


def test_a_resumed_run_is_sealed_anew(original, tmp_path):
    folder = tmp_path / "run"
    sparring.audit(nets.plain(), nets.images(20), "linf:0.1", "smoke", out=folder)
    records = (folder / "records.parquet").read_bytes()
    sparring.audit(nets.plain(), nets.images(20), "linf:0.1", "smoke", out=folder, resume=True)
    assert "resumed" in [entry["event"] for entry in entries(folder)] and verify_log(folder) == []
    assert (folder / "records.parquet").read_bytes() == records
