"""Scenarios written down, for calibrated printers; `load_scenario` reads them again."""

from __future__ import annotations

from dataclasses import replace

from sparring.physical.paper.calibration import Calibration
from sparring.physical.scene.quantities import QUANTITIES, Quantity
from sparring.physical.scene.scenario import Scenario
from sparring.physical.scene.units import UNITS, Range

__all__ = ["calibrated", "scenario_text"]

WRITTEN = {
    "length": "mm", "angle": "deg", "share": "%", "illuminance": "lx", "temperature": "K", "pixels": "px",
    "screen": "lpi", "exposure": "EV", "quality": "quality",
}  # fmt: skip
"""The unit that each kind is written in."""


def scenario_text(scenario: Scenario) -> str:
    """A scenario as TOML, every quantity with its unit."""
    lines = ["schema = 1", f'name = "{scenario.name}"']
    for table in dict.fromkeys(each.table for each in QUANTITIES):
        lines.append(f"[{table}]")
        lines += [f'{each.name} = "{_written(scenario, each)}"' for each in QUANTITIES if each.table == table]
    return "\n".join(lines) + "\n"


def calibrated(scenario: Scenario, printer: Calibration, name: str) -> Scenario:
    """A scenario whose printer is the one that was measured, with some room on both sides.

    How white the paper is stays as it was: a photo does not tell, for its exposure is unknown.
    """
    white = scenario.ranges["white"][0]
    black = printer.black * (white.low + white.high) / 2
    measured = {
        "black": (black, 0.1 * black + 0.002),
        "dot_gain": (printer.dot_gain, 0.02),
        "saturation": (printer.saturation, 0.05),
    }
    limits = {each.name: each for each in QUANTITIES}
    ranges = {key: (_around(value, room, limits[key]),) for key, (value, room) in measured.items()}
    return replace(scenario, name=name, ranges={**scenario.ranges, **ranges})


def _around(value: float, room: float, limits: Quantity) -> Range:
    return Range(max(limits.least, value - room), min(limits.most, value + room))


def _written(scenario: Scenario, quantity: Quantity) -> str:
    unit = WRITTEN[quantity.kind]
    low, high = (
        round(each / UNITS[unit][1], 4)
        for each in (scenario.ranges[quantity.name][0].low, scenario.ranges[quantity.name][-1].high)
    )
    numbers = f"{low:f}".rstrip("0").rstrip("."), f"{high:f}".rstrip("0").rstrip(".")
    return f"{numbers[0]} {unit}" if low == high else f"{numbers[0]}..{numbers[1]} {unit}"
