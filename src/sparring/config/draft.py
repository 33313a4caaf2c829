"""A new `sparring.toml`, with comments for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sparring.config.edit import toml_value

__all__ = ["Said", "draft"]

Said = Mapping[str, tuple[Any, str]]
"""Keys of a table: the value, and a comment on it, which may be empty. A value of None is left out."""

HEAD = """\
# What `sparring audit` and `sparring doctor` do when they are started beside this file. Options win over it.
schema = 1
"""
FEATURES = """\
# What each column may become: its range, the step of its changes, the scale in which eps counts them.
# Proposed from the data; write mutable = false where an attacker can change nothing."""
GATE = """\
# [audit.gate]                  # without a gate, an audit measures and always ends with 0
# min_robust_accuracy = 0.45    # pass if the samples show at least this, fail if they show less
"""


def draft(
    model: Said, data: Said, audit: Said, features: Mapping[str, Mapping[str, Any]] | None = None
) -> str:
    """The text of a file; `features` are the columns of a table.

    >>> print(draft({"source": ("net.pt2", "ours")}, {"source": ("a.npz", "")}, {"threat": ("l2:1", "")}))
    # What `sparring audit` and `sparring doctor` do when they are started beside this file. Options win over it.
    schema = 1
    <BLANKLINE>
    [model]
    source = "net.pt2"    # ours
    <BLANKLINE>
    [data]
    source = "a.npz"
    <BLANKLINE>
    [[audit]]
    threat = "l2:1"
    <BLANKLINE>
    # [audit.gate]                  # without a gate, an audit measures and always ends with 0
    # min_robust_accuracy = 0.45    # pass if the samples show at least this, fail if they show less
    <BLANKLINE>
    """
    tables = [_table("[model]", model), _table("[data]", data)]
    tables += [_columns(features)] if features else []
    return "\n".join([HEAD, *tables, _table("[[audit]]", audit), GATE])


def _columns(features: Mapping[str, Mapping[str, Any]]) -> str:
    """A line per column.

    >>> print(_columns({"age": {"range": [17, 90], "step": 1, "scale": 13.0}}).splitlines()[-1])
    age = { range = [17, 90], step = 1, scale = 13.0 }
    """
    lines = [
        f"{_key(name)} = {{ {', '.join(f'{key} = {toml_value(value)}' for key, value in said.items())} }}"
        for name, said in features.items()
    ]
    return "\n".join(["[features]", FEATURES, *lines, ""])


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_value(name)


def _table(head: str, said: Said) -> str:
    lines = {
        f"{key} = {toml_value(value)}": comment for key, (value, comment) in said.items() if value is not None
    }
    width = max((len(line) for line, comment in lines.items() if comment), default=0)
    shown = [
        f"{line:{width}}    # {_one_line(comment)}" if comment else line for line, comment in lines.items()
    ]
    return "\n".join([head, *shown, ""])


def _one_line(comment: str) -> str:
    """No comment can end early and become a setting."""
    return "".join(each if each.isprintable() else " " for each in comment)
