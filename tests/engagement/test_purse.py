"""The count of queries: exact for many processes, whenever they are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sparring.engagement import purse as module
from sparring.engagement.purse import Purse
from sparring.errors import DataError, Exhausted

SPENDER = """
import sys
from pathlib import Path
from sparring.engagement.purse import Purse
from sparring.errors import Exhausted
purse, paid = Purse(Path(sys.argv[1]), int(sys.argv[2])), Path(sys.argv[3])
with paid.open("ab", buffering=0) as file:
    try:
        while True:
            purse.pay(1)
            file.write(b".")  # here the query would be sent
    except Exhausted:
        pass
"""


@pytest.fixture
def purse(tmp_path):
    return Purse(tmp_path / "count", 100)


def _spenders(tmp_path, total, count):
    words = [sys.executable, "-c", SPENDER, str(tmp_path / "count"), str(total)]
    return [subprocess.Popen([*words, str(tmp_path / f"paid{number}")]) for number in range(count)]


def _sent(tmp_path):
    return sum(path.stat().st_size for path in tmp_path.glob("paid*"))


def test_three_processes_send_exactly_what_is_allowed(tmp_path):
    for process in _spenders(tmp_path, 300, 3):
        assert process.wait(60) == 0
    assert _sent(tmp_path) == 300 == Purse(tmp_path / "count", 300).spent


def test_killed_processes_never_make_it_more(tmp_path):
    for _ in range(3):
        processes = _spenders(tmp_path, 2000, 2)
        before, end = _sent(tmp_path), time.monotonic() + 30
        while _sent(tmp_path) < before + 50 and time.monotonic() < end:
            time.sleep(0.002)
        for process in processes:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    sent, spent = _sent(tmp_path), Purse(tmp_path / "count", 2000).spent
    assert 150 <= sent <= spent <= sent + 6, "a kill may lose the one query that was paid and not sent"


def test_threads_of_one_process_share_it(purse):
    def spend(_):
        try:
            purse.pay(3)
        except Exhausted:
            return 0
        return 3

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(spend, range(60))) == 99 == purse.spent


def test_what_is_refused_costs_nothing(purse):
    purse.pay(98)
    with pytest.raises(Exhausted, match=r"allows 100 queries; 98 were sent"):
        purse.pay(3)
    purse.pay(2)
    assert purse.spent == 100


def test_what_is_held_back_is_for_verification_alone(purse):
    assert purse.hold(40)
    purse.pay(60)
    with pytest.raises(Exhausted, match="60 were sent, and 40 are held back"):
        purse.pay(1)
    purse.pay(30, held=True)
    with pytest.raises(Exhausted):
        purse.pay(1)
    with pytest.raises(Exhausted):
        purse.pay(11, held=True)
    purse.hold(0)
    purse.pay(10)
    assert purse.spent == 100


def test_more_than_is_left_cannot_be_held_back(purse):
    purse.pay(61)
    assert not purse.hold(40) and purse.hold(39)


def test_what_the_dead_held_is_free_again(purse):
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    purse.path.write_text(
        json.dumps({"queries": 0, "held": {str(gone.pid): 90, str(os.getppid()): 5}, "sent": {}})
    )
    with pytest.raises(Exhausted, match="5 are held back"):
        purse.pay(96)
    purse.pay(95)


def test_no_minute_has_more_than_its_rate(tmp_path, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    purse, sent = Purse(tmp_path / "count", 10_000, 60), []
    while len(sent) < 100:
        if wait := purse.pay(7):
            assert wait > 0
            clock[0] += min(wait, 5.0)  # somebody who does not wait as long as told
        else:
            sent.append(clock[0])
            clock[0] += 0.4
    for start in sent:
        assert 7 * sum(start <= moment < start + 60 for moment in sent) <= 60
    assert clock[0] - 1000 < 1.3 * 700 / 56 * 61, "the rate is used"


def test_a_count_of_another_boot_does_not_hold_up_the_rate(tmp_path):
    path = tmp_path / "count"
    later = int(time.monotonic()) + 10_000
    path.write_text(json.dumps({"queries": 5, "held": {}, "sent": {str(later): 60}}))
    assert Purse(path, 100, 60).pay(1) == 0


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"queries": "5", "held": {}, "sent": {}}', '{"queries": 5}']
)
def test_a_damaged_count_is_no_new_count(purse, content):
    purse.path.write_text(content)
    with pytest.raises(DataError, match="no count of queries"):
        purse.pay(1)
    assert purse.path.read_text() == content


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="cannot be used to count queries"):
        Purse(tmp_path / "missing" / "count", 100).pay(1)
