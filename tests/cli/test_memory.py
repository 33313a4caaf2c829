"""Freed memory is kept, and where that cannot be, nothing happens."""

import ctypes
import sys

import pytest

from sparring.cli.memory import keep_memory


def test_both_thresholds_are_raised(monkeypatch):
    if not sys.platform.startswith("linux"):
        pytest.skip("only glibc has these thresholds")
    told = []

    class Library:
        def __init__(self, name):
            pass

        def mallopt(self, what, value):
            told.append((what, value))

    monkeypatch.setattr(ctypes, "CDLL", Library)
    keep_memory()
    assert {what for what, _ in told} == {-1, -3}
    assert all(value >= 2**25 for _, value in told)


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    keep_memory()
