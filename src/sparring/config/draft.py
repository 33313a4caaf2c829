"""A new `sparring.toml`, with comments for people."""

from __future__ import annotations

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
GATE = """\
# [audit.gate]                  # without a gate, an audit measures and always ends with 0
# min_robust_accuracy = 0.45    # pass if the samples show at least this, fail if they show less
"""


def draft(model: Said, data: Said, audit: Said) -> str:
    """The text of a file.

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
    tables = {"[model]": model, "[data]": data, "[[audit]]": audit}
    return "\n".join([HEAD, *(_table(head, said) for head, said in tables.items()), GATE])


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
