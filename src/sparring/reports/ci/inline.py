"""Text of strangers inside Markdown: class names, file names and messages can neither format nor inject."""

from __future__ import annotations

import re

__all__ = ["code", "fenced", "prose"]

_MARKUP = re.compile(r"([\\`*_\[\]|~!$])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ACTIVE = re.compile(r"(?<=[@#])|(?<=://)|(?<=\bwww)(?=\.)", re.IGNORECASE)
_STOP = "\u200b"
"""No width, no ink: what stands around it is no mention, no reference and no link any more."""


def prose(text: str, longest: int = 300) -> str:
    """One line of running text that reads as it was written, whatever was written.

    >>> print(prose("<img src=x> | **50%**"))
    &lt;img src=x&gt; \\| \\*\\*50%\\*\\*
    """
    line = _ACTIVE.sub(_STOP, _line(text, longest))
    line = "".join(_ENTITIES.get(letter, letter) for letter in line)
    return _MARKUP.sub(r"\\\1", line)


def code(text: str, longest: int = 80) -> str:
    """A name as a code span, anywhere but in a table, where a code span cannot hold a pipe.

    >>> print(code("a `b`"))
    `` a `b` ``
    """
    line = _line(text, longest) or " "
    ticks = "`" * (_longest_ticks(line) + 1)
    pad = " " if "`" in (line[0], line[-1]) else ""  # taken off again, if it is on both sides
    return f"{ticks}{pad}{line}{pad}{ticks}"


def fenced(text: str) -> str:
    """Lines to be copied, such as a command, to the last letter."""
    ticks = "`" * max(3, _longest_ticks(text) + 1)
    return f"{ticks}sh\n{text}\n{ticks}"


def _line(text: str, longest: int) -> str:
    """Printable letters on one line: no breaks, no control characters, nothing that turns the direction."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _longest_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
