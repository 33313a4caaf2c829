"""What a program that runs tests, such as our pytest plugin, has to say about every `sparring.check` in a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Session", "current"]


@dataclass(frozen=True)
class Session:
    """The wishes of whoever runs the tests; they come before those of the test.

    Args:
        folders: A folder for each check, in order; without, nothing is kept that the test does not keep itself.
        reports: Whether JUnit, SARIF and Markdown go into the folders too.
        again: Whether to search again what was searched already.
        suite: In the place of every check's own.
        sample: In the place of every check's own.
        allow: Verdicts that do not fail a check, besides those that it allows itself.
        tell: Told of every run.
    """

    folders: Iterator[Path] = field(default_factory=lambda: iter(()))
    reports: bool = False
    again: bool = False
    suite: str | None = None
    sample: int | None = None
    allow: tuple[str, ...] = ()
    tell: Callable[[Any], None] = lambda run: None


current: ContextVar[Session] = ContextVar("sparring.session", default=Session())  # noqa: B039  (it is frozen)
