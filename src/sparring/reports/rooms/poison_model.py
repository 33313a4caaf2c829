"""What `sparring poison inspect` saw in a model, as a page with the suspected trigger and as lines in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from sparring.data import Samples
from sparring.poison import Inspection
from sparring.reports.html import page
from sparring.reports.pictures import picture

__all__ = ["model_page", "model_summary"]

SIDE = 96

HEADLINES = {"fail": "the alarm is raised", "pass": "no alarm", "measured": "ranked, without an alarm"}


def model_page(document: Mapping[str, Any], found: Inspection, samples: Samples) -> str:
    """One page that stands alone: verdict, the suspected trigger, a row per class."""
    mask, pattern = found.inverted.masks[found.suspect], found.inverted.patterns[found.suspect]
    shown = samples.domain.is_image and samples.domain.shape[0] in (1, 3)
    return page(
        "poison_model.html.j2",
        document=document,
        headline=HEADLINES[found.verdict],
        suspect=_class(samples, found.suspect),
        rows=[{**row, "name": _class(samples, row["label"])} for row in document["body"]["classes"]],
        mask=picture(mask, SIDE) if shown else None,
        trigger=picture(samples.inputs[0] * (1 - mask) + mask * pattern, SIDE) if shown else None,
    )


def model_summary(document: Mapping[str, Any]) -> Group:
    """The same for the terminal."""
    body = document["body"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("class", "smallest trigger", "usual", "largest margin", "usual"):
        table.add_column(name, justify="left" if name == "class" else "right")
    for row in body["classes"]:
        usual = (row.get("usual_trigger_size"), row.get("usual_margin"))
        table.add_row(
            f"{row['label']}{' (stands out most)' if row['label'] == body['suspect'] else ''}",
            f"{row['trigger_size']:.1f}", _or_nothing(usual[0]), f"{row['margin']:.1f}", _or_nothing(usual[1]),
        )  # fmt: skip
    headline = Text(f"poison inspect: {HEADLINES[document['verdict']]}", style="bold")
    return Group(headline, *(Text(reason, overflow="fold") for reason in document["reasons"]), table)


def _or_nothing(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _class(samples: Samples, label: int) -> str:
    return samples.classes[label] if samples.classes else f"class {label}"
