"""Changing a `sparring.toml` without touching what else stands in it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from sparring.config.lines import span_of
from sparring.errors import UsageError

__all__ = ["toml_value", "with_settings"]


def with_settings(text: str, table: str, settings: Mapping[str, Any]) -> str:
    """The text with some keys of a table set, or removed where the value is None; all else stays as it is.

    Raises:
        UsageError: The table is written in a way that cannot be changed line by line.

    >>> print(with_settings('[model]  # ours\\nsource = "net.pt2"\\n', "model", {"mean": [0.5], "std": [0.25]}))
    [model]  # ours
    mean = [0.5]
    std = [0.25]
    source = "net.pt2"
    <BLANKLINE>
    """
    wanted = tomllib.loads(text)
    for key, value in reversed(list(settings.items())):
        text = _with_one(text, table, key, value)
        wanted[table] = {name: old for name, old in wanted[table].items() if name != key}
        wanted[table] |= {} if value is None else {key: value}
    try:
        right = tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        words = ", ".join(
            f"{key} = {toml_value(value)}" for key, value in settings.items() if value is not None
        )
        raise UsageError(
            f"[{table}] cannot be changed line by line; write it by hand: {words or 'remove ' + ', '.join(settings)}"
        )
    return text


def toml_value(value: Any) -> str:
    """A value as TOML writes it.

    >>> toml_value([0.5, 1]), toml_value('say "a"'), toml_value(True)
    ('[0.5, 1]', '"say \\\\"a\\\\""', 'true')
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _with_one(text: str, table: str, key: str, value: Any) -> str:
    lines = text.split("\n")
    place = span_of(text, (table, key))
    if place is None:  # behind the head of the table
        head = (span_of(text, (table,)) or (0, 0))[1]
        place = (head + 1, head)
    new = [] if value is None else [f"{key} = {toml_value(value)}"]
    return "\n".join([*lines[: place[0] - 1], *new, *lines[place[1] :]])
