"""What `[features]` may say of a table, as far as its values tell: a start for people who know the columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sparring.data.samples import Samples

__all__ = ["proposed_features"]

_DECIMALS = range(5)
_EXACT = 2**24


def proposed_features(samples: Samples) -> dict[str, dict[str, Any]]:
    """For each column the range that was seen, its step, and its spread as the scale; columns of one category together.

    Which columns an attacker can change no value tells: all that vary are proposed as mutable.
    """
    rows = samples.inputs.double()
    names = samples.names or tuple(f"x{place}" for place in range(rows.shape[1]))
    columns = dict(zip(names, rows.unbind(1), strict=True))
    found: dict[str, dict[str, Any]] = {}
    for name, members in _categories(columns).items():
        found[name] = {"one_hot": members}
        for member in members:
            del columns[member]
    return found | {name: _proposal(values) for name, values in columns.items()}


def _proposal(values: Tensor) -> dict[str, Any]:
    low, high = float(values.amin()), float(values.amax())
    if low == high:
        return {"mutable": False}
    step = _step(values)
    return {
        "range": [_plain(low), _plain(high)],
        **({} if step is None else {"step": step}),
        "scale": float(f"{float(values.std(unbiased=False)):.2g}"),
    }


def _step(values: Tensor) -> int | float | None:
    """The coarsest decimal place that all values, which are float32, come down to."""
    if float(values.abs().amax()) >= _EXACT:
        return 1 if bool((values == values.round()).all()) else None
    for places in _DECIMALS:
        if torch.equal((values * 10**places).round().div(10**places).float().double(), values):
            return 1 if places == 0 else 10.0**-places
    return None


def _categories(columns: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """Columns `a_red`, `a_blue` of which exactly one is 1 in every row, by what their names begin with."""
    families: dict[str, list[str]] = defaultdict(list)
    for name in columns:
        for mark in ("=", "_"):
            if mark in name:
                families[name.rpartition(mark)[0]].append(name)
                break
    return {
        name: members
        for name, members in families.items()
        if _one_hot(columns, members) and name not in columns
    }


def _one_hot(columns: Mapping[str, Tensor], members: list[str]) -> bool:
    values = torch.stack([columns[member] for member in members], 1)
    return (
        len(members) > 1 and bool(((values == 0) | (values == 1)).all()) and bool((values.sum(1) == 1).all())
    )


def _plain(value: float) -> int | float:
    return int(value) if value == int(value) else float(f"{value:.9g}")
