"""Where in a TOML text something is said.

`tomllib` gives values without their places. But the first lines of a TOML text are TOML too, wherever a statement
ends: the place of a key is found by reading ever longer beginnings.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

__all__ = ["Place", "line_of", "span_of"]

Place = Sequence[str | int]
"""Keys and positions from the top: `("audit", 0, "gate", "max_drop")`."""


def line_of(text: str, place: Place) -> int | None:
    """The line, from 1, where the statement begins that says `place`; None if no statement does.

    >>> line_of("[model]\\n\\nsource = 'net.pt2'", ("model", "source"))
    3
    """
    found = span_of(text, place)
    return None if found is None else found[0]


def span_of(text: str, place: Place) -> tuple[int, int] | None:
    """The first and the last line of the statement that says `place`, from 1."""
    lines = text.split("\n")
    start = 1
    for end in range(1, len(lines) + 1):
        try:
            read = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:  # in the middle of a statement
            continue
        if _has(read, place):
            return start, end
        start = end + 1
    return None


def _has(read: Any, place: Place) -> bool:
    for key in place:
        try:
            read = read[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
