"""A run on paper, as a page and as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from rich.table import Table

from sparring.physical import PrintRun
from sparring.physical.channel.channel import Channel
from sparring.physical.runs.tally import LEVELS
from sparring.physical.scene.placement import place_patch
from sparring.reports.html import page
from sparring.reports.pictures import Picture, picture

__all__ = ["paper_summary", "render_paper"]

SHOWN = 4
"""Objects that are shown."""

MOST_SHOTS = 40
"""Photos in the table; the others are counted."""


@dataclass(frozen=True)
class Share:
    """Successes among looks, with the interval, in percent."""

    successes: int
    looks: int
    low: float
    high: float

    @property
    def percent(self) -> str:
        return f"{100 * self.successes / self.looks:.0f}%"

    @property
    def span(self) -> str:
        return f"{100 * self.low:.0f}-{100 * self.high:.0f}%"

    @property
    def width(self) -> float:
        return round(100 * self.successes / self.looks, 1)


@dataclass(frozen=True)
class Grid:
    """Success at one light level: a row per angle, a column per distance."""

    light: str
    distances: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Share, ...]], ...]


@dataclass(frozen=True)
class Exhibit:
    """One object with the patch: as printed, as the camera would see it, and cut out of photos."""

    name: str
    printed: Picture
    simulated: tuple[Picture, ...]
    captured: tuple[Picture, ...]


def render_paper(run: PrintRun) -> str:
    """One page that stands alone, for a run on paper."""
    table = _table(run.facts["levels"])
    levels = sorted({level for shares in table.values() for level in shares})
    return page(
        "on_paper.html.j2",
        run=run,
        facts=run.facts,
        table=table,
        levels=[(level, LEVELS[level]) for level in levels],
        headline=_headline(table, levels, run.facts["main"]),
        goal=_goal(run.facts),
        grids=_grids(run.facts["surface"]),
        exhibits=_exhibits(run),
        views=[(each["kind"], each["where"], _share(each)) for each in run.facts.get("views", [])],
        shots=run.facts.get("shots", [])[:MOST_SHOTS],
        more_shots=max(0, len(run.facts.get("shots", [])) - MOST_SHOTS),
    )


def paper_summary(run: PrintRun) -> Table:
    """Success of each arm at each level, for the terminal."""
    table = _table(run.facts["levels"])
    levels = sorted({level for shares in table.values() for level in shares})
    shown = Table(box=None, pad_edge=False, header_style="bold", title=_goal(run.facts))
    shown.add_column("on the picture", overflow="fold")
    for level in levels:
        shown.add_column(f"{level} {LEVELS[level]}", justify="right")
    for arm, shares in table.items():
        cells = (shares.get(level) for level in levels)
        shown.add_row(arm, *("" if each is None else f"{each.percent} ({each.span})" for each in cells))
    return shown


def _table(tallies: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, Share]]:
    """By arm, then by level."""
    table: dict[str, dict[int, Share]] = {}
    for each in tallies:
        table.setdefault(each["arm"], {})[each["level"]] = _share(each)
    return table


def _share(told: Mapping[str, Any]) -> Share:
    return Share(told["successes"], told["looks"], told["low"], told["high"])


@dataclass(frozen=True)
class Headline:
    """The figure of the most honest level that there is, and the best control there."""

    level: str
    share: Share
    control: str
    control_share: Share


def _headline(table: Mapping[str, Mapping[int, Share]], levels: Sequence[int], main: str) -> Headline:
    level = max(each for each in levels if each in table[main])
    controls = {
        arm: shares[level]
        for arm, shares in table.items()
        if arm not in (main, "no channel") and level in shares
    }
    best = max(controls, key=lambda arm: controls[arm].width, default=main)
    return Headline(LEVELS[level], table[main][level], best, controls.get(best, table[main][level]))


def _goal(facts: Mapping[str, Any]) -> str:
    if facts["target"] is None:
        return "success: any wrong class comes out"
    return f"success: {_class(facts, facts['target'])} comes out"


def _class(facts: Mapping[str, Any], label: int) -> str:
    names = facts["classes"]
    return names[label] if names and label < len(names) else f"class {label}"


def _grids(spots: Sequence[Mapping[str, Any]]) -> tuple[Grid, ...]:
    """A grid per light level; none where nothing but one place was looked at."""
    if len(spots) < 2:
        return ()
    distances, yaws, levels = (
        sorted({spot[name] for spot in spots}) for name in ("distance", "yaw", "level")
    )
    found = {
        (spot["distance"], spot["yaw"], spot["level"]): Share(spot["successes"], spot["looks"], 0, 1)
        for spot in spots
    }
    return tuple(
        Grid(
            f"{level:,.0f} lx",
            tuple(f"{distance / 1000:.2g} m" for distance in distances),
            tuple(
                (f"{yaw:+.0f}°", tuple(found[distance, yaw, level] for distance in distances)) for yaw in yaws
            ),
        )
        for level in levels
    )


def _exhibits(run: PrintRun) -> tuple[Exhibit, ...]:
    arm = run.arms[run.facts["main"]]
    prints = place_patch(
        run.inputs[:SHOWN], arm if arm is None or arm.ndim == 3 else arm[:SHOWN], run.placement
    )
    channel = Channel(run.scenario, run.placement.side, run.facts["size"], seed=1)
    with torch.no_grad():
        seen = [
            channel.through(prints, [f"shown {look} {row}" for row in range(len(prints))])
            for look in range(2)
        ]
    return tuple(
        Exhibit(
            _class(run.facts, each["label"]),
            picture(prints[row], 128),
            tuple(picture(look[row], 128) for look in seen),
            _captures(run, each["id"]),
        )
        for row, each in enumerate(run.facts["objects"][:SHOWN])
    )


def _captures(run: PrintRun, name: str) -> tuple[Picture, ...]:
    """The first two cut-outs of this object with the main arm."""
    if run.captured is None:
        return ()
    looks = enumerate(run.facts.get("captures", []))
    rows = [row for row, each in looks if each["subject"] == name and each["arm"] == run.facts["main"]]
    return tuple(picture(run.captured[row], 128) for row in rows[:2])
