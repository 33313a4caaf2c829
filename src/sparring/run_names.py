"""What a name of a run looks like, so that it is never taken for a file or a folder."""

from __future__ import annotations

import re

__all__ = ["is_name"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,99}")


def is_name(text: str) -> bool:
    """Whether a run could be called so; what ends like a file is taken for one.

    >>> is_name("release-1.2"), is_name("baseline.json"), is_name("runs/today")
    (True, False, False)
    """
    return _NAME.fullmatch(text) is not None and not text.endswith(".json")
