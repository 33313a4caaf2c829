"""Inputs that a target refuses: while an audit runs, an answer without numbers; else the end of what was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

from sparring.models.remote.wire import Refused
from sparring.tensors import tree_map

__all__ = ["put_together", "refusals_borne"]

_BORNE: ContextVar[bool] = ContextVar("borne", default=False)


@contextmanager
def refusals_borne() -> Iterator[None]:
    """While the block lasts, an input that a target refuses has NaN for an answer, and the others have theirs."""
    token = _BORNE.set(True)
    try:
        yield
    finally:
        _BORNE.reset(token)


def put_together(rows: Sequence[Any], like: Any) -> Any:
    """Outputs for a batch of the outputs of its rows, of which some may be `Refused`.

    Args:
        rows: One per input, in order.
        like: The outputs of some row, for their shape; None if nobody knows any.

    Raises:
        Refused: A row was refused, and that is not borne, or nothing was ever answered.
    """
    refusal = next((row for row in rows if isinstance(row, Refused)), None)
    if refusal is not None and (like is None or not _BORNE.get()):
        raise refusal
    full = [tree_map(_nothing, like) if isinstance(row, Refused) else row for row in rows]
    return tree_map(lambda *each: torch.stack(each), *full)


def _nothing(values: Tensor) -> Tensor:
    return torch.full_like(values, torch.nan, dtype=None if values.is_floating_point() else torch.float32)
