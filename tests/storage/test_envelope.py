"""The envelope that all rooms share."""

import json

import pytest

from sparring.errors import DataError
from sparring.storage.envelope import envelope, write_result
from sparring.storage.schema import result_schema

SHARED = (
    "schema_version",
    "kind",
    "verdict",
    "reasons",
    "samples",
    "seed",
    "seconds",
    "date",
    "findings",
    "versions",
)


def test_it_says_what_every_result_says():
    document = envelope("transfer", {"lines": []}, samples=3, seed=7, seconds=1.23456)
    assert set(SHARED) <= document.keys() & set(result_schema()["required"])
    assert (document["kind"], document["samples"], document["seed"], document["seconds"]) == (
        "transfer",
        3,
        7,
        1.235,
    )
    assert document["versions"].keys() == {"sparring", "torch", "python"}


def test_it_is_written_whole(tmp_path):
    document = envelope("transfer", {"lines": [1]}, samples=1, seed=0, seconds=0)
    path = write_result(document, tmp_path / "new" / "folder")
    assert json.loads(path.read_text()) == document
    assert [each.name for each in path.parent.iterdir()] == ["result.json"]


def test_where_nothing_can_be_written_it_says_so(tmp_path):
    (tmp_path / "result.json").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        write_result(envelope("transfer", {}, samples=1, seed=0, seconds=0), tmp_path)
