"""What a loader hands back, before it becomes a `Model`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Loaded"]


@dataclass(frozen=True)
class Loaded:
    """A callable from inputs to outputs, with what is known about it; fields as in `Model`."""

    function: Callable[..., Any]
    digest: str | None
    gradients: bool = True
    outputs: str = "auto"
    notes: tuple[str, ...] = ()
