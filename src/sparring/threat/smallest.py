"""Threats without a budget: any change is allowed, and the smallest one that works is looked for (`l2:min`).

Such a threat has an eps of infinity; it still says how changes are measured.
"""

from __future__ import annotations

import math
from typing import Protocol

from torch import Tensor

from sparring.errors import ThreatError

__all__ = ["budgeted", "is_smallest", "threat_kind"]


class _Sized(Protocol):
    @property
    def norm(self) -> str: ...

    @property
    def eps(self) -> float | Tensor: ...


def is_smallest(threat: _Sized) -> bool:
    """Whether the smallest change is looked for, instead of any within a budget."""
    return isinstance(threat.eps, float) and threat.eps == math.inf


def threat_kind(threat: _Sized) -> str:
    """The norm, and whether there is a budget: `l2`, or `l2:min`; what the stages of a suite are chosen by."""
    return f"{threat.norm}:min" if is_smallest(threat) else threat.norm


def budgeted(threat: _Sized) -> None:
    """Refuse to draw a random change of any size.

    Raises:
        ThreatError: The threat has no budget.
    """
    if is_smallest(threat):
        raise ThreatError(
            f"{threat.norm}:min has no budget to start from; give a size, for example {threat.norm}:0.5, or attacks "
            "that look for the smallest change, such as FMN"
        )
