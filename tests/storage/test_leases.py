"""Leases: one holder per shard, and a holder is dead when its heart stands still by the observer's own clock."""

import sqlite3
import threading
from contextlib import closing

import pytest

from sparring.storage.index import Leases, opened_store, sqlite_url
from tests.storage.test_index import store  # noqa: F401  (the same databases)


@pytest.fixture
def engine(store):  # noqa: F811
    engine = opened_store(store)
    yield engine
    engine.dispose()


class Clock:
    """A monotonic clock that stands where it is put."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def pair(engine):
    return [Leases(engine, "run", holder, 10.0, Clock()) for holder in ("a", "b")]


def test_a_shard_has_one_holder(pair):
    a, b = pair
    assert (a.take([3, 4]), b.take([3, 4]), b.take([3])) == (3, 4, None)
    a.release()
    assert b.take([3]) == 3


def test_runs_do_not_share_leases(engine):
    assert [Leases(engine, run, "a", 10.0).take([0]) for run in ("one", "two")] == [0, 0]


def test_a_heart_that_stands_still_is_dead_after_the_lease(pair):
    a, b = pair
    a.take([0])
    assert b.take([0]) is None
    b.clock.now = 9.9
    assert b.take([0]) is None
    b.clock.now = 10.0
    assert b.take([0]) == 0


def test_a_heart_that_beats_is_never_dead(pair):
    a, b = pair
    a.take([0])
    for now in range(0, 100, 9):
        b.clock.now = float(now)
        assert b.take([0]) is None
        a.beat()


def test_the_holders_own_clock_says_nothing(pair):
    a, b = pair
    a.clock.now = 1e9
    a.take([0])
    a.clock.now = -1e9
    a.beat()
    assert b.take([0]) is None
    b.clock.now = 9.0
    assert b.take([0]) is None


def test_one_of_two_observers_takes_over(engine, pair):
    a, b = pair
    c = Leases(engine, "run", "c", 10.0, Clock())
    a.take([0])
    assert b.take([0]) is None and c.take([0]) is None
    b.clock.now = c.clock.now = 20.0
    assert (b.take([0]), c.take([0])) == (0, None)
    c.clock.now = 25.0
    assert c.take([0]) is None, "the new holder's lease begins anew"


def test_a_holder_that_woke_up_late_takes_nothing_back(pair):
    a, b = pair
    a.take([0])
    b.take([0])
    b.clock.now = 10.0
    b.take([0])
    a.beat()
    a.release()
    assert a.take([0]) is None


def test_many_threads_never_hold_the_same_shard(engine):
    taken = []

    def work(number):
        leases = Leases(engine, "race", str(number), 100.0)
        while (shard := leases.take(range(12))) is not None:
            taken.append(shard)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(12))


def test_a_writer_that_takes_its_time_is_waited_for(tmp_path):
    engine = opened_store(sqlite_url(tmp_path / "slow.sqlite"))
    with closing(sqlite3.connect(tmp_path / "slow.sqlite", check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(0.3, other.rollback)
        timer.start()
        assert Leases(engine, "run", "a", 1.0).take([0]) == 0
        timer.join()
    engine.dispose()
