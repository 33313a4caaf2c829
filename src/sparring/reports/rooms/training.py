"""What a training came to, as a page and as a few lines in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sparring.reports.curves import Tick
from sparring.reports.html import page

__all__ = ["render_training", "training_summary"]

TICKS = 8
"""Epochs named under the curve, about."""


@dataclass(frozen=True)
class Course:
    """Clean and robust accuracy over the epochs, in a square of 100 by 100 with the origin at the top left.

    Attributes:
        clean, robust: Points of the two lines, as SVG wants them.
        best: Where the best epoch is, from the left.
        across, up: Marks on the axes.
    """

    clean: str
    robust: str
    best: float
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def render_training(document: Mapping[str, Any]) -> str:
    """One page that stands alone, from a `result.json` of the kind `training`."""
    body = document["body"]
    return page(
        "training.html.j2",
        document=document,
        body=body,
        share=_percent,
        best=body["curve"][body["best"]],
        audit=body.get("audit"),
        course=_course(body["curve"], body["best"]),
        settings=[(name, value) for name, value in body["settings"].items() if value not in (None, 0.0)],
    )


def training_summary(document: Mapping[str, Any]) -> RenderableType:
    """The same for the terminal."""
    body = document["body"]
    first, best = body["curve"][0], body["curve"][body["best"]]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("held-out samples", "clean", "robust"):
        table.add_column(name, justify="left" if name == "held-out samples" else "right")
    table.add_row("before", _percent(first["clean"]), _percent(first["robust"]))
    table.add_row(f"after epoch {body['best']}, the best", _percent(best["clean"]), _percent(best["robust"]))
    title = f"{body['model']['name']}, {body['objective']} against {body['threat']}"
    told = [Text(f"{each['severity']}: {each['message']}") for each in document["findings"]]
    return Group(Text(title, style="bold"), table, *told)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _course(curve: Sequence[Mapping[str, Any]], best: int) -> Course | None:
    """The two lines; None where there is one point only."""
    if len(curve) < 2:
        return None
    last = len(curve) - 1
    apart = max(1, round(last / TICKS))
    return Course(
        clean=_points(curve, "clean"),
        robust=_points(curve, "robust"),
        best=round(100 * best / last, 2),
        across=tuple(Tick(round(100 * each / last, 2), str(each)) for each in range(0, last + 1, apart)),
        up=tuple(Tick(100.0 - share, f"{share}%") for share in (0, 25, 50, 75, 100)),
    )


def _points(curve: Sequence[Mapping[str, Any]], name: str) -> str:
    """Pairs of numbers with a comma between them."""
    last = len(curve) - 1
    return " ".join(
        f"{round(100 * number / last, 2)},{round(100 - 100 * entry[name], 2)}"
        for number, entry in enumerate(curve)
        if entry[name] is not None
    )
