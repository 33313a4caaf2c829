"""Where in the user's files a gate was set."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

from sparring.errors import DataError

__all__ = ["gate_line", "read_config", "uri"]

_AUDIT = re.compile(r"\s*\[\[\s*audit\s*\]\]")


def read_config(path: Path) -> str:
    """The text of a `sparring.toml`.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise DataError(f"{path} cannot be read as the configuration of the run: {error}") from error


def gate_line(config: str, gate: str, threat: str, suite: str) -> int:
    """The line, from 1, that sets `gate` for the audit with this threat and suite.

    Without a gate, or where none is set, it is the head of that audit. Text is searched, so a file
    that is not TOML does no harm.

    >>> text = '[[audit]]\\nthreat = "l2:1"\\n[[audit]]\\nthreat = "linf:1"\\ngate.max_drop = 0.1'
    >>> gate_line(text, "max_drop", "linf:1", "standard"), gate_line(text, "max_drop", "l2:1", "standard")
    (5, 1)
    """
    lines = [line.split("#")[0] for line in config.splitlines()]
    heads = [place for place, line in enumerate(lines) if _AUDIT.match(line)] or [0]
    blocks = [range(*ends) for ends in pairwise([*heads, len(lines)])]

    def likeness(block: range) -> tuple[bool, bool]:
        text = "\n".join(lines[block.start : block.stop])
        return _sets(text, "threat", threat), _sets(text, "suite", suite)

    block = max(blocks, key=likeness)
    key = re.compile(rf"""(?:^|[\s{{,."']){re.escape(gate)}["']?\s*=""")
    hits = (place for place in block if gate and key.search(lines[place]))
    return next(hits, block.start) + 1


def uri(path: Path) -> str:
    """A path as a URI: relative where it lies below the folder that we run in, so that no machine shows.

    >>> uri(Path("a b/sparring.toml"))
    'a%20b/sparring.toml'
    """
    if path.is_absolute() and not path.is_relative_to(Path.cwd()):
        return path.as_uri()
    return quote((path.relative_to(Path.cwd()) if path.is_absolute() else path).as_posix())


def _sets(text: str, key: str, value: str) -> bool:
    return bool(re.search(rf"""(?:^|[\s{{,.]){key}\s*=\s*["']{re.escape(value)}["']""", text))
