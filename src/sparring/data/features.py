"""`[features]`: what the columns of a table may become, from the words of `sparring.toml` or of Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any, Union

import torch
from torch import Tensor

from sparring.columns import Columns
from sparring.data.kept import Kept
from sparring.domain import Domain
from sparring.errors import DataError, UsageError, nearest

if TYPE_CHECKING:
    from sparring.config import FeatureTable

__all__ = ["Features", "columns_of", "domain_of"]

Features = Mapping[str, Union["FeatureTable", Mapping[str, Any]]]
"""For each column its range, step, scale and whether it can change; or, under a name of its own, a category."""

_KEYS = ("range", "step", "scale", "mutable", "one_hot")


@dataclass(frozen=True)
class _Column:
    """One column, in its own units."""

    low: float
    high: float
    step: float
    scale: float
    mutable: bool
    group: int = -1


def columns_of(features: Features, names: Sequence[str], inputs: Kept) -> Columns:
    """The columns of a table `(N, F)` called `names`; each must be spoken of once.

    Raises:
        UsageError: A column is not spoken of, or what is said makes no sense.
        DataError: A value lies outside its range, or no category is one-hot.
    """
    found: dict[str, _Column] = {}
    low, high = inputs.span()
    places = {name: place for place, name in enumerate(names)}
    for number, (name, said) in enumerate(features.items()):
        words = _words(name, said)
        for column in words["one_hot"] or (name,):
            if column not in places:
                raise UsageError(f'[features.{name}] is about a column "{column}"; {nearest(column, names)}')
            if column in found:
                raise UsageError(f'[features] speaks of the column "{column}" twice; say it once')
            place = places[column]
            seen = float(low[place]), float(high[place])
            found[column] = _category(words, number) if words["one_hot"] else _column(name, words, seen)
    missing = [name for name in names if name not in found]
    if missing:
        raise UsageError(
            f'[features] says nothing of the column "{missing[0]}"; write [features.{missing[0]}], with '
            "mutable = false if nobody can change it, or let sparring init propose all of them"
        )
    columns = _packed([found[name] for name in names], tuple(names))
    start = 0
    for rows in inputs.parts():
        _check(columns, rows, start)
        start += len(rows)
    return columns


def domain_of(columns: Columns) -> Domain:
    """The domain of a table, in units of scale."""
    low, high = columns.low / columns.scale, columns.high / columns.scale
    return Domain(low, high, None, (len(columns.names),), columns)


def _words(name: str, said: FeatureTable | Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a column, with defaults for what is not."""
    words = asdict(said) if is_dataclass(said) and not isinstance(said, type) else dict(said)  # type: ignore[arg-type]  # a mapping then
    if unknown := set(words) - set(_KEYS):
        odd = min(unknown)
        raise UsageError(f'[features.{name}] has no key "{odd}"; {nearest(odd, _KEYS)}')
    words = {"range": None, "step": None, "scale": None, "mutable": True, "one_hot": None} | words
    if words["one_hot"] and (words["range"] or words["step"]):
        raise UsageError(
            f"[features.{name}] is a category: its columns are 0 or 1, so leave range and step out"
        )
    return words


def _column(name: str, words: dict[str, Any], seen: tuple[float, float]) -> _Column:
    if words["range"] is None and words["mutable"]:
        raise UsageError(
            f"[features.{name}] needs a range, such as range = [{seen[0]:g}, {seen[1]:g}], or mutable = false"
        )
    low, high = words["range"] if words["range"] and words["mutable"] else seen
    if not low <= high:
        raise UsageError(
            f"[features.{name}] has the range [{low:g}, {high:g}], which is empty; exchange its ends"
        )
    scale = (
        (words["scale"] or 1.0) if words["mutable"] else 1.0
    )  # what never changes stays as it is, bit for bit
    return _Column(low, high, words["step"] or 0.0, scale, words["mutable"])


def _category(words: dict[str, Any], number: int) -> _Column:
    if not words["mutable"]:
        return _Column(0.0, 1.0, 1.0, 1.0, mutable=False)
    return _Column(0.0, 1.0, 1.0, words["scale"] or 1.0, mutable=True, group=number)


def _packed(columns: Sequence[_Column], names: tuple[str, ...]) -> Columns:
    def numbers(key: str) -> Tensor:
        return torch.tensor([getattr(column, key) for column in columns], dtype=torch.float64)

    low, high = (numbers(key).float().double() for key in ("low", "high"))  # as values of the table are kept
    return Columns(
        names,
        low=low,
        high=high,
        step=numbers("step"),
        scale=numbers("scale"),
        mutable=torch.tensor([column.mutable for column in columns]),
        group=_numbered([column.group for column in columns]),
    )


def _numbered(groups: Sequence[int]) -> Tensor:
    """Categories counted from 0, in order."""
    order = sorted(set(groups) - {-1})
    return torch.tensor([-1 if group < 0 else order.index(group) for group in groups])


def _check(columns: Columns, rows: Tensor, start: int) -> None:
    """Refuse rows that cannot be; the first has the number `start`."""
    outside = (rows < columns.low) | (rows > columns.high)
    if bool(outside.any()):
        row, place = (int(each) for each in outside.nonzero()[0])
        raise DataError(
            f'column "{columns.names[place]}" is {float(rows[row, place]):g} in row {start + row}, outside its range '
            f"[{float(columns.low[place]):g}, {float(columns.high[place]):g}]; widen the range in [features]"
        )
    for number in range(int(columns.group.max()) + 1):
        category = columns.group == number
        values = rows[:, category]
        odd = (values.sum(1) != 1) | ((values != 0) & (values != 1)).any(1)
        if bool(odd.any()):
            row, first = start + int(odd.nonzero()[0]), columns.names[int(category.nonzero()[0])]
            raise DataError(
                f"row {row} has not exactly one 1 among the columns of the category with {first!r}"
            )
