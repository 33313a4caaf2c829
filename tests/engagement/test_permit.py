"""The permit: targets, time, and clocks that jump."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from sparring.engagement import load_engagement, parse_address, permit_for
from sparring.engagement import permit as module
from sparring.errors import Exhausted, Interrupted, UsageError

ADDRESS = parse_address("http://127.0.0.1:8000/v2/models/net")
FILE = """
schema = 1
targets = ["http://127.0.0.1:8000/v2/models/net"]
techniques = ["evasion"]
authoriser = {{ name = "Ada", contact = "ada@example.org" }}
window = {{ from = {from_}, until = {until} }}
budgets = {{ queries = 10 }}
"""
HOUR = timedelta(hours=1)


@pytest.fixture
def engagement(tmp_path):
    def write(begin=-HOUR, end=HOUR):
        now, path = datetime.now(UTC), tmp_path / "engagement.toml"
        path.write_text(FILE.format(from_=(now + begin).isoformat(), until=(now + end).isoformat()))
        return load_engagement(path)

    return write


@pytest.fixture
def clocks(monkeypatch):
    """Both clocks, to be set."""
    clocks = {"wall": time.time(), "monotonic": 5000.0}
    monkeypatch.setattr(module.time, "time", lambda: clocks["wall"])
    monkeypatch.setattr(module.time, "monotonic", lambda: clocks["monotonic"])
    return clocks


def test_inside_of_the_window_queries_are_counted(engagement):
    permit = permit_for(ADDRESS, engagement())
    permit.pay(10, threading.Event().wait)
    with pytest.raises(Exhausted, match="allows 10 queries; 10 were sent"):
        permit.pay(1, threading.Event().wait)


def test_this_machine_needs_none_and_no_count(tmp_path):
    permit = permit_for(ADDRESS, None)
    permit.pay(10**9, threading.Event().wait)
    assert permit.purse is None


def test_an_engagement_holds_for_this_machine_too_if_there_is_one(engagement):
    with pytest.raises(UsageError, match=r"does not cover http://127\.0\.0\.1:8001/v2"):
        permit_for(parse_address("http://127.0.0.1:8001/v2/models/net"), engagement())


def test_a_foreign_target_is_refused_before_its_name_is_looked_up(engagement, monkeypatch):
    monkeypatch.setattr(module, "resolved", lambda address: pytest.fail("the name was looked up"))
    with pytest.raises(UsageError, match="does not cover"):
        permit_for(parse_address("http://model.example.org/v2/models/net"), engagement())


@pytest.mark.parametrize(
    ("begin", "end", "words"), [(HOUR, 2 * HOUR, "begins at"), (-2 * HOUR, -HOUR, "ended at")]
)
def test_outside_of_the_window_nothing_begins(engagement, begin, end, words):
    with pytest.raises(UsageError, match=words):
        permit_for(ADDRESS, engagement(begin, end))


def test_the_window_closes_while_an_audit_runs(engagement, clocks):
    permit = permit_for(ADDRESS, engagement())
    clocks["wall"] += 3700
    with pytest.raises(Exhausted, match=r"ended at .* Ada"):
        permit.pay(1, threading.Event().wait)
    assert permit.purse.spent == 0


def test_a_clock_that_is_set_back_does_not_open_it_again(engagement, clocks):
    permit = permit_for(ADDRESS, engagement())
    clocks["monotonic"] += 3700
    clocks["wall"] -= 100
    with pytest.raises(Exhausted, match="ended at"):
        permit.check()


def test_a_clock_that_is_set_back_within_the_window_changes_nothing(engagement, clocks):
    permit = permit_for(ADDRESS, engagement())
    clocks["monotonic"] += 60
    clocks["wall"] -= 600
    permit.check()


def test_waiting_for_the_rate_ends_when_nobody_wants_the_answer(engagement, monkeypatch):
    permit = permit_for(ADDRESS, engagement())
    monkeypatch.setattr(module.Purse, "pay", lambda *_, **__: 60.0)
    with pytest.raises(Interrupted):
        permit.pay(1, lambda seconds: True)


def test_the_window_is_looked_at_again_after_waiting(engagement, monkeypatch, clocks):
    permit = permit_for(ADDRESS, engagement())
    monkeypatch.setattr(module.Purse, "pay", lambda *_, **__: 60.0)

    def wait(seconds):
        clocks["wall"] += 4000
        return False

    with pytest.raises(Exhausted, match="ended at"):
        permit.pay(1, wait)
