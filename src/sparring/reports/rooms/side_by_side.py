"""A comparison of models, defences and detectors: a page, and a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sparring.reports.html import duration, page

__all__ = ["render_lines", "table_of_lines"]


@dataclass(frozen=True)
class Row:
    """A line as it is shown; shares in percent."""

    name: str
    kind: str
    clean: float
    robust: float
    low: float
    high: float
    unaware: float | None
    cost: str
    training: str
    verdict: str

    @property
    def span(self) -> str:
        """The interval."""
        return f"{self.low:.0f}-{self.high:.0f}"


def render_lines(document: Mapping[str, Any]) -> str:
    """One page that stands alone, from a `result.json` of the kind `comparison`."""
    return page("side_by_side.html.j2", document=document, body=document["body"], rows=_rows(document))


def table_of_lines(document: Mapping[str, Any]) -> RenderableType:
    """The same for the terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", overflow="fold")
    for name in ("clean", "robust", "95%", "if unaware", "per input", "training"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in _rows(document):
        unaware = "" if row.unaware is None else f"{row.unaware:.1f}%"
        table.add_row(
            Text(row.name),
            f"{row.clean:.1f}%",
            f"{row.robust:.1f}%",
            row.span,
            unaware,
            row.cost,
            row.training,
        )
    body = document["body"]
    title = f"{document['samples']:,} samples under {body['threat']}, suite {body['suite']}"
    told = [Text(f"{each['severity']}: {each['message']}") for each in document["findings"]]
    return Group(Text(title, style="bold"), table, *told)


def _rows(document: Mapping[str, Any]) -> list[Row]:
    lines = document["body"]["lines"]
    return [_row(line, lines[0]["seconds"]) for line in lines]


def _row(line: Mapping[str, Any], base: float) -> Row:
    count = line["samples"]
    unaware = line["unaware"]
    return Row(
        name=line["name"],
        kind=line["kind"],
        clean=round(100 * line["clean"] / count, 1),
        robust=round(100 * line["robust"] / count, 1),
        low=round(100 * line["interval"]["low"], 1),
        high=round(100 * line["interval"]["high"], 1),
        unaware=None if unaware is None else round(100 * unaware / count, 1),
        cost=f"{1000 * line['seconds']:.2g} ms, x{line['seconds'] / max(base, 1e-12):.1f}",
        training="" if line["training"] is None else duration(line["training"]),
        verdict=line["verdict"],
    )
