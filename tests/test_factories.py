import sys
from pathlib import Path

import pytest

from sparring.errors import UsageError
from sparring.factories import call, is_reference, load_object


def test_files_may_import_their_neighbours_and_hold_dataclasses(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_net.py").write_text("value = 3")
    (tmp_path / "net.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport neighbour_of_net\n"
        "@dataclass\nclass A:\n    b: int = neighbour_of_net.value\n"
    )
    before = list(sys.path)
    assert call(load_object(f"{tmp_path}/net.py:A"), "net.py:A").b == 3
    assert sys.path == before


def test_two_files_of_one_name_do_not_mix(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.py").write_text(f"value = '{folder}'")
    assert [load_object(f"{tmp_path}/{folder}/net.py:value") for folder in "ab"] == ["a", "b"]


@pytest.mark.parametrize(
    ("code", "name", "sentence"),
    [
        ("def make(): pass", "mak", 'did you mean "make"'),
        ("", "make", "none is known"),
        ("1 +", "make", "SyntaxError"),
        ("import no_such_package_at_all", "make", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "make", "SystemExit"),
        ("make = 1", "a b", "file.py:name"),
    ],
)
def test_faults_are_one_sentence(code: str, name: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(code)
    with pytest.raises(UsageError, match=sentence) as caught:
        load_object(f"{tmp_path}/net.py:{name}")
    assert "\n" not in str(caught.value)


def test_calling_what_fails_or_cannot_be_called() -> None:
    with pytest.raises(UsageError, match="ZeroDivisionError"):
        call(lambda: 1 / 0, "net.py:make")
    with pytest.raises(UsageError, match="type int"):
        call(3, "net.py:make")


@pytest.mark.parametrize(
    ("source", "expected"),
    [("net.py:make", True), ("a/net.py:make", True), ("net.py", False), ("c:/net.npz", False), (3, False)],
)
def test_is_reference(source: object, expected: bool) -> None:
    assert is_reference(source) == expected
