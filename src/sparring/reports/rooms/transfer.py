"""What a transfer found, as a page and as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.table import Table

from sparring.reports.gallery import Exhibit
from sparring.reports.html import page

__all__ = ["beside_words", "refined_words", "render_transfer", "transfer_summary"]


@dataclass(frozen=True)
class Cell:
    """One measured share with its interval, in percent; `width`, `low` and `high` place it on a bar of 100."""

    fooled: int
    eligible: int
    low: float
    high: float
    left: int

    @property
    def percent(self) -> str:
        """The share."""
        return f"{100 * self.fooled / self.eligible:.0f}%"

    @property
    def span(self) -> str:
        """The interval."""
        return f"{100 * self.low:.0f}-{100 * self.high:.0f}%"

    @property
    def width(self) -> float:
        """Of the bar."""
        return round(100 * self.fooled / self.eligible, 1)


@dataclass(frozen=True)
class Attempted:
    """One surrogate, method and threat: a cell for each medium."""

    surrogate: str
    target: str
    white_box: bool
    method: str
    threat: str
    gradients: int
    similarity: str
    colour: str
    cells: Mapping[str, Cell]


def render_transfer(document: Mapping[str, Any], exhibits: Sequence[Exhibit] = ()) -> str:
    """One page that stands alone, from a `result.json` of the kind `transfer`, and pictures of examples."""
    rows = _rows(document)
    refined, beside, wanted = (
        document["body"].get(name) for name in ("refined", "beside_gradients", "wanted")
    )
    return page(
        "transfer.html.j2",
        document=document,
        rows=rows,
        media=list(rows[0].cells),
        exhibits=exhibits,
        best=_best(rows),
        wanted=wanted,
        refined=None if refined is None else refined_words(refined),
        beside=None if beside is None else beside_words(beside),
    )


def transfer_summary(document: Mapping[str, Any]) -> Group:
    """The same for the terminal."""
    rows = _rows(document)
    table = Table(box=None, pad_edge=False, header_style="bold", title=f"transfer to {rows[0].target}")
    for name in ("made on", "method", "threat"):
        table.add_column(name, overflow="fold")
    hit = "fooled" if document["body"]["wanted"] is None else "as wanted"
    for medium in rows[0].cells:
        table.add_column(hit if medium == "memory" else medium, justify="right")
    for row in rows:
        first, *rest = row.cells.values()
        shares = [
            f"{first.fooled}/{first.eligible} = {first.percent} ({first.span})",
            *(each.percent for each in rest),
        ]
        table.add_row(row.surrogate, row.method, row.threat, *shares)
    told = [f"{each['severity']}: {each['message']}" for each in document["findings"]]
    words = [
        say(document["body"][name])
        for name, say in (("beside_gradients", beside_words), ("refined", refined_words))
        if name in document["body"]
    ]
    return Group(table, *words, *told)


def beside_words(beside: Mapping[str, Any]) -> str:
    """What the target's own gradients break, beside the examples."""
    return (
        f"Under {beside['threat']}, of {beside['right']:,} samples that the target gets right, its own gradients break "
        f"{beside['own']:,} in {beside['steps']:,} steps (APGD), all examples together {beside['transferred']:,}, of "
        f"which its own gradients leave {beside['only_transferred']:,}."
    )


def refined_words(refined: Mapping[str, Any]) -> str:
    """What queries made of the examples."""
    return (
        f"With at most {refined['queries']:,} queries a sample (its examples first, {refined['examples']:,} each, then "
        f"CGBA from one that was made for a larger change), {refined['wrong']:,} of {refined['samples']:,} are wrong "
        f"inside the threat, those included that were wrong before; {refined['asked']:,} queries in all."
    )


def _best(rows: list[Attempted]) -> Attempted:
    """The row with the largest share as the examples were made, among those that are transfers."""
    able = [row for row in rows if not row.white_box] or rows
    return max(able, key=lambda row: row.cells["memory"].width)


def _rows(document: Mapping[str, Any]) -> list[Attempted]:
    """The lines of a document, the media of one attempt together."""
    told = ("surrogate", "target", "white_box", "method", "threat", "gradients")
    grouped: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for line in document["body"]["lines"]:
        grouped.setdefault(tuple(line[name] for name in told), []).append(line)
    return [_row(dict(zip(told, key, strict=True)), lines) for key, lines in grouped.items()]


def _row(told: dict[str, Any], lines: list[Mapping[str, Any]]) -> Attempted:
    first = lines[0]
    pictures = first["similarity"] is not None
    return Attempted(
        **told,
        similarity=f"{first['similarity']:.3f}" if pictures else "",
        colour=f"{first['colour']:.1f}" if pictures else "",
        cells={
            line["medium"]: Cell(
                line["fooled"],
                line["eligible"],
                line["interval"]["low"],
                line["interval"]["high"],
                line["left"],
            )
            for line in lines
        },
    )
