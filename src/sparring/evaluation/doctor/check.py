"""What a check of the doctor says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["Check", "Status", "many"]

Status = Literal["ok", "note", "warning", "error"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at before anything is spent.

    Args:
        name: What was looked at.
        status: `ok`; `note`: worth knowing; `warning`: read an audit with care; `error`: repair this first.
        seen: What was seen, in words.
        samples: On how many samples.
        fix: What to do, in one line; empty if there is nothing to do.
        settings: Tables and keys of `sparring.toml` that repair it: `{"model": {"mean": [0.5]}}`; None removes a key.
    """

    name: str
    status: Status
    seen: str
    samples: int
    fix: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def entry(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def many(count: int, thing: str = "sample") -> str:
    """A count with its noun.

    >>> many(1), many(1200, "pass"), many(3)
    ('1 sample', '1,200 passes', '3 samples')
    """
    plural = f"{thing}es" if thing.endswith("s") else f"{thing}s"
    return f"{count:,} {thing if count == 1 else plural}"
