"""The index: always as the folders say, whatever became of its file."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from sqlalchemy import create_engine, inspect, text

from sparring.errors import DataError, MissingExtraError, UsageError
from sparring.storage import save_run
from sparring.storage.index import (
    catalogue,
    connected,
    found_run,
    give_name,
    opened_store,
    owner_of,
    sqlite_url,
)
from sparring.storage.index.finding import INDEX
from sparring.storage.index.schema import TABLES
from sparring.storage.names import names_in, with_name
from tests.reports.runs import make_run


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """URL of an empty database; PostgreSQL if the variable names one."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "store.sqlite")
    url = os.environ.get("SPARRING_TEST_POSTGRES")
    if not url:
        pytest.skip("needs a PostgreSQL database to write into; set SPARRING_TEST_POSTGRES to its URL")
    engine = connected(url)
    with engine.begin() as connection:
        for table in ("sparring_runs", "sparring_names", "sparring_leases", "sparring_version"):
            connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
    engine.dispose()
    return url


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "runs"
    for number, date in enumerate(("2026-11-23T07:00:00Z", "2020-01-01T00:00:00Z")):
        save_run(make_run(20, seed=number, date=date), folder / f"2026-{number}")
        (folder / f"2026-{number}" / "plan.json").write_text(
            json.dumps({"digest": "a", "number": number + 1})
        )
    return folder


def _folders(entries):
    return [entry.folder for entry in entries]


def test_it_says_what_the_folders_say_newest_first_whatever_the_clock_said(runs, store):
    for again in range(2):
        entries = catalogue(runs, store)
        assert _folders(entries) == ["2026-1", "2026-0"]
        assert entries[0].robust == make_run(20, seed=1).result["robust"] and entries[0].samples == 20, again


def test_it_follows_the_folders(runs, store):
    catalogue(runs, store)
    save_run(make_run(30), runs / "group" / "inner")
    save_run(make_run(25), runs / "2026-0")
    shutil.rmtree(runs / "2026-1")
    (runs / "notes").mkdir()
    entries = {entry.folder: entry.samples for entry in catalogue(runs, store)}
    assert entries == {"group/inner": 30, "2026-0": 25}


def test_roots_do_not_mix(runs, store, tmp_path):
    save_run(make_run(20), tmp_path / "other" / "x")
    assert _folders(catalogue(tmp_path / "other", store)) == ["x"]
    assert len(catalogue(runs, store)) == 2


@pytest.mark.parametrize(
    ("content", "words"), [("{", "JSON"), ("[]", "schema_version"), ('{"schema_version": "2.0"}', "newer")]
)
def test_a_foreign_folder_is_an_entry_that_says_so(runs, content, words):
    (runs / "2026-0" / "result.json").write_text(content)
    entry = catalogue(runs)[-1]
    assert entry.verdict == "unreadable" and words in entry.fault


def test_an_unfinished_run_is_listed(runs):
    (runs / "2026-0" / "result.json").unlink()
    assert catalogue(runs)[-1].verdict == "unfinished"


def test_names_survive_the_loss_of_the_index_and_move(runs, store):
    give_name(runs, runs / "2026-0", "main", catalogue(runs, store))
    assert found_run("main", runs, store) == runs / "2026-0"
    give_name(runs, runs / "2026-1", "main", catalogue(runs, store))
    assert found_run("main", runs) == runs / "2026-1", "another index, the same folders"
    assert names_in(runs / "2026-0") == {}


def test_a_name_whose_move_was_cut_short_stands_for_the_later_run(runs):
    give_name(runs, runs / "2026-0", "main", catalogue(runs))
    with_name(runs / "2026-1", "main", 2)
    assert found_run("main", runs) == runs / "2026-1"


def test_a_copied_folder_makes_a_name_doubtful_and_nothing_else(runs):
    give_name(runs, runs / "2026-0", "main", catalogue(runs))
    shutil.copytree(runs / "2026-0", runs / "copy")
    entries = catalogue(runs)
    with pytest.raises(UsageError, match="claimed by 2026-0 and copy"):
        owner_of(entries, "main")
    assert len(entries) == 3
    give_name(runs, runs / "2026-0", "main", entries)
    assert found_run("main", runs) == runs / "2026-0"


@pytest.mark.parametrize("name", ["", "7", "a b", "../x", "a" * 101, "baseline.json"])
def test_odd_names_are_refused(runs, name):
    with pytest.raises(UsageError, match="cannot name a run"):
        give_name(runs, runs / "2026-0", name, catalogue(runs))


def test_a_run_is_found_by_folder_and_by_its_beginning(runs):
    assert found_run(runs / "2026-0", runs) == runs / "2026-0"
    assert found_run("2026-1", runs) == runs / "2026-1"
    with pytest.raises(UsageError, match="begins 2 run folders"):
        found_run("2026", runs)
    with pytest.raises(UsageError, match='did you mean "2026-'):
        found_run("2025-1", runs)


BROKEN = {
    "empty": b"",
    "text": b"hello" * 1000,
    "header-only": b"SQLite format 3\x00" + b"\xff" * 4000,
}


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_index_is_put_aside_and_made_anew(runs, content):
    (runs / INDEX).write_bytes(BROKEN[content])
    assert len(catalogue(runs)) == 2
    with closing(sqlite3.connect(runs / INDEX)) as connection:
        assert connection.execute("SELECT count(*) FROM sparring_runs").fetchone() == (2,)
    if BROKEN[content]:
        assert (runs / f"{INDEX}.broken").read_bytes() == BROKEN[content]


def test_a_damaged_page_loses_nothing(runs):
    for number in range(30):
        save_run(make_run(5), runs / f"more-{number}")
    catalogue(runs)
    content = bytearray((runs / INDEX).read_bytes())
    content[4096 + 100 : 4096 * 6] = b"\x5a" * (4096 * 5 - 100)
    (runs / INDEX).write_bytes(content)
    assert len(catalogue(runs)) == 32


def test_another_programs_database_is_refused_and_left_alone(runs):
    with closing(sqlite3.connect(runs / INDEX)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    before = (runs / INDEX).read_bytes()
    with pytest.raises(UsageError, match="another program's database"):
        catalogue(runs)
    assert (runs / INDEX).read_bytes() == before


def test_a_newer_schema_is_refused(runs, store):
    catalogue(runs, store)
    engine = connected(store)
    with engine.begin() as connection:
        connection.execute(text("UPDATE sparring_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(DataError, match="newer Sparring"):
        catalogue(runs, store)


def test_tables_that_lack_a_column_are_no_loss(runs):
    catalogue(runs)
    with closing(sqlite3.connect(runs / INDEX)) as connection:
        connection.execute("ALTER TABLE sparring_runs DROP COLUMN stamp")
    assert len(catalogue(runs)) == 2


def test_where_no_file_can_be_written_the_index_lives_in_memory(runs):
    (runs / INDEX).mkdir()  # a read-only folder would not stop root
    assert len(catalogue(runs)) == 2


def test_several_processes_may_make_the_tables_at_once(tmp_path):
    url = sqlite_url(tmp_path / "new.sqlite")
    script = f"from sparring.storage.index import opened_store; opened_store({url!r})"
    processes = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4


def test_the_migrations_make_the_tables_that_the_code_has(store):
    engine = opened_store(store)
    found = inspect(engine)
    for table in TABLES.sorted_tables:
        there = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert there == {column.name: column.nullable for column in table.columns}
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("runs/index.sqlite", UsageError, "is no URL of a store"),
        ("nosuch://host/name", UsageError, "is no URL of a store"),
        ("sqlite:////nowhere/at/all.sqlite", DataError, "unable to open"),
        ("postgresql://user:secret@127.0.0.1:1/x", DataError, "cannot be used"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_sentence_without_its_password(runs, url, kind, words):
    with pytest.raises(kind, match=words) as error:
        catalogue(runs, url)
    assert "secret" not in str(error.value) and "\n" not in str(error.value)


def test_a_missing_driver_names_the_extra(runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(MissingExtraError, match=r"sparring\[postgres\]"):
        catalogue(runs, "postgresql://user@127.0.0.1:1/x")


def test_an_index_in_memory_is_whole(runs):
    engine = create_engine("sqlite://")
    engine.dispose()
    assert len(catalogue(runs, "sqlite://")) == 2
