"""A plugin of pytest for runs with a planted fault: the tests that are likely to notice it come first.

`FAULT_TESTS` holds the beginnings of their names. Slow tests of other things are left out, and a test that runs for
a minute of CPU time has failed: a fault may well turn a loop into an endless one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

MINUTE = 60
# Random searches take thousands of looks; they are asked only about themselves.
SLOW = "tests/attacks/test_conformance.py::test_law[square"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    likely = tuple(os.environ["FAULT_TESTS"].split())
    items[:] = [each for each in items if each.nodeid.startswith(likely) or not each.nodeid.startswith(SLOW)]
    items.sort(key=lambda each: _place(each.nodeid, likely))


def _place(test: str, likely: tuple[str, ...]) -> int:
    return next((place for place, start in enumerate(likely) if test.startswith(start)), len(likely))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[Any]:
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, MINUTE)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _too_long(*_: object) -> NoReturn:
    raise TimeoutError("a minute is over")
