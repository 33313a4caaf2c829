"""Scenarios: the ranges of everything that differs between one photo of a print and the next."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparring.errors import UsageError, nearest
from sparring.physical.scene.quantities import PHASES, QUANTITIES, Quantity
from sparring.physical.scene.units import Range, parse_range

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BUILT_IN", "Draw", "Scenario", "load_scenario"]

Draw = Mapping[str, "Tensor"]
"""One value `(B,)` for every name in QUANTITIES and PHASES: what B photos are taken under."""

BUILT_IN = ("scanner", "phone-indoors", "street-camera")


@dataclass(frozen=True)
class Scenario:
    """Where a print is looked at.

    Attributes:
        name: For tables and files.
        ranges: By name of a quantity, the ranges that its values come from, in our own units; usually one.
    """

    name: str
    ranges: Mapping[str, tuple[Range, ...]]

    def draw(self, keys: Sequence[str], seed: int = 0) -> Draw:
        """What B photos are taken under, one per key; a key's values are the same in any company."""
        import torch

        from sparring.draws import Draws, row_keys

        like = torch.empty(len(keys), len(QUANTITIES) + len(PHASES), dtype=torch.float64)
        drawn = Draws(row_keys(seed, keys, "physical")).uniform(like)
        values = {
            each.name: _spread(drawn[:, i], self.ranges[each.name]) for i, each in enumerate(QUANTITIES)
        }
        phases = {name: drawn[:, len(QUANTITIES) + i].float() for i, name in enumerate(PHASES)}
        return values | phases

    def beyond(self, share: float = 0.25) -> Scenario:
        """The same place with every value just outside its range, by up to `share` of the range's width.

        For judging on parameters that were never trained on. Quantities that are fixed stay, and so do those whose
        range ends at what is possible at all, on that side.
        """
        return replace(
            self,
            name=f"beyond {self.name}",
            ranges={each.name: _around(self.ranges[each.name], each, share) for each in QUANTITIES},
        )

    def middle(self) -> Scenario:
        """The same place with every quantity at the middle of its range: nothing differs any more."""
        fixed = {name: (Range(_middle(ranges), _middle(ranges)),) for name, ranges in self.ranges.items()}
        return replace(self, name=f"middle of {self.name}", ranges=fixed)

    def having(self, **values: float) -> Scenario:
        """The same place with some quantities fixed, in our own units."""
        fixed = {name: (Range(value, value),) for name, value in values.items()}
        return replace(self, ranges={**self.ranges, **fixed})


def load_scenario(source: str | Path) -> Scenario:
    """Read a scenario: one of `BUILT_IN` by its name, or a TOML file with a unit on every range.

    Raises:
        UsageError: There is none, or it says something impossible; the sentence names the place.

    >>> load_scenario("scanner").ranges["jpeg"]
    (Range(low=75.0, high=95.0),)
    """
    if str(source) in BUILT_IN:
        text = files("sparring.physical").joinpath("scenarios", f"{source}.toml").read_text("utf-8")
        return _read(text, str(source))
    path = Path(source)
    if not path.is_file():
        raise UsageError(f'there is no scenario or file "{source}"; {nearest(str(source), BUILT_IN)}')
    try:
        return _read(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _read(text: str, where: str) -> Scenario:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is no TOML: {error}") from error
    if found.pop("schema", None) != 1:
        raise UsageError(f"{where} must begin with: schema = 1")
    name = found.pop("name", Path(where).stem)
    _check_keys(found, where)
    ranges = {each.name: (_range(found.get(each.table, {}), each, where),) for each in QUANTITIES}
    return Scenario(str(name), ranges)


def _check_keys(found: dict[str, Any], where: str) -> None:
    tables = {each.table for each in QUANTITIES}
    for table, content in found.items():
        if table not in tables or not isinstance(content, dict):
            raise UsageError(f"{where} has no place for [{table}]; {nearest(table, tables)}")
        known = {each.name for each in QUANTITIES if each.table == table}
        for name in content.keys() - known:
            raise UsageError(f'{where} has no place for "{name}" in [{table}]; {nearest(name, known)}')


def _range(table: dict[str, Any], quantity: Quantity, where: str) -> Range:
    what = f"{quantity.name} in [{quantity.table}] of {where}"
    if quantity.name not in table:
        if quantity.neutral is None:
            raise UsageError(
                f"{where} does not say {quantity.name} in [{quantity.table}], which has no default"
            )
        return Range(quantity.neutral, quantity.neutral)
    found = parse_range(table[quantity.name], quantity.kind, what)
    if found.low < quantity.least - 1e-9 or found.high > quantity.most + 1e-9:
        raise UsageError(
            f"{what} is impossible: {table[quantity.name]!r} is not between {quantity.least:g} and "
            f"{quantity.most:g} ({_unit(quantity)})"
        )
    return found


def _unit(quantity: Quantity) -> str:
    own = {"share": "of one", "screen": "lines per mm", "resolution": "px per mm"}
    usual = {"length": "mm", "angle": "deg", "illuminance": "lx", "temperature": "K", "pixels": "px"}
    return (own | usual).get(quantity.kind, quantity.kind)


def _spread(uniform: Tensor, ranges: tuple[Range, ...]) -> Tensor:
    """Numbers from [0, 1) laid out over the ranges, each as likely as it is wide."""
    import torch

    left = uniform * sum(each.width for each in ranges)
    values = torch.full_like(uniform, ranges[-1].high)
    for each in reversed(ranges):
        before = sum(other.width for other in ranges[: ranges.index(each)])
        inside = left < before + each.width
        values = torch.where(inside, each.low + left - before, values)
    return values.float()


def _around(ranges: tuple[Range, ...], quantity: Quantity, share: float) -> tuple[Range, ...]:
    low, high = ranges[0].low, ranges[-1].high
    reach = share * (high - low)
    below, above = max(low - reach, quantity.least), min(high + reach, quantity.most)
    outside = tuple(each for each in (Range(below, low), Range(high, above)) if each.width > 0)
    return outside or ranges


def _middle(ranges: tuple[Range, ...]) -> float:
    return (ranges[0].low + ranges[-1].high) / 2
