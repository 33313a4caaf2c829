"""What `sparring poison scan` found, as a page with pictures and as lines in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Group
from rich.table import Table
from rich.text import Text
from torch import Tensor

from sparring.data import Samples
from sparring.poison import EVERYWHERE, Reconstruction, Scan
from sparring.reports.html import page
from sparring.reports.pictures import Picture, change, picture

__all__ = ["scan_page", "scan_summary"]

SHOWN = 24
SIDE = 96

HEADLINES = {
    "fail": "the alarm is raised",
    "pass": "no alarm",
    "inconclusive": "no alarm, and none was possible",
    "invalid": "the model given decides nothing",
    "measured": "ranked, without an alarm",
}


@dataclass(frozen=True)
class Exhibit:
    """One sample, as it is shown."""

    index: int
    label: str
    answer: str
    picture: Picture | None


def scan_page(
    document: Mapping[str, Any], scan: Scan, samples: Samples, trigger: Reconstruction | None
) -> str:
    """One page that stands alone: verdict, where the alarm comes from, suspects, the trigger."""
    rows = _most_suspicious(scan)
    return page(
        "poison_scan.html.j2",
        document=document,
        headline=HEADLINES[scan.verdict],
        peaks=[{**each, "where": _class(samples, each["label"])} for each in document["body"]["raised"]],
        exhibits=[_exhibit(scan, samples, int(row)) for row in rows[:SHOWN]],
        trigger=None if trigger is None else _shown_trigger(trigger, samples),
    )


def scan_summary(document: Mapping[str, Any], samples: Samples) -> Group:
    """The same for the terminal."""
    body = document["body"]
    lines = [
        Text(
            f"poison scan of {document['samples']:,} samples: {HEADLINES[document['verdict']]}", style="bold"
        )
    ]
    lines += [Text(reason, overflow="fold") for reason in document["reasons"]]
    if body["suspects"]:
        lines.append(Text(f"{len(body['suspects']):,} suspects ({body['suspected_share']:.2%} of the data)"))
    if body["trigger"]:
        lines.append(Text(_trigger_words(body["trigger"], _class(samples, body["trigger"]["target"]))))
    lines += [Text(f"note: {note}", overflow="fold") for note in body["notes"]]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("class", "detector", "suspicious", "trusted among them", "expected", "p"):
        table.add_column(name, justify="left" if name in ("class", "detector") else "right")
    for peak in body["raised"]:
        table.add_row(
            _class(samples, peak["label"]), peak["detector"], f"{peak['samples']:,}", f"{peak['trusted']:,}",
            f"{peak['expected']:.1f}", f"{peak['p_value']:.3f}",
        )  # fmt: skip
    return Group(*lines, table) if body["raised"] else Group(*lines)


def _most_suspicious(scan: Scan) -> Tensor:
    """Rows of the pool: suspects, or without any those that most detectors put in front."""
    if scan.raised:
        rows = torch.cat([peak.rows for peak in scan.raised])
        return rows[~scan.pool.trusted[rows]]
    total = torch.stack([scores.argsort().argsort().double() for scores in scan.scores.values()]).sum(0)
    order = total.argsort(descending=True)
    return order[~scan.pool.trusted[order]]


def _exhibit(scan: Scan, samples: Samples, row: int) -> Exhibit:
    place = int(scan.pool.places[row])
    shown = _drawable(samples)
    return Exhibit(
        int(samples.index[place]),
        _class(samples, int(scan.evidence.labels[row])),
        _class(samples, int(scan.evidence.logits[row].argmax())),
        picture(samples.inputs[place], SIDE) if shown else None,
    )


def _shown_trigger(trigger: Reconstruction, samples: Samples) -> dict[str, Any]:
    words = {"opened": vars(trigger.opened), "shuffled": vars(trigger.shuffled)}
    nothing = torch.zeros_like(trigger.change)
    return {
        "words": _trigger_words(words, _class(samples, trigger.target)),
        "picture": change(nothing, trigger.change, SIDE) if _drawable(samples) else None,
    }


def _trigger_words(trigger: Mapping[str, Any], target: str) -> str:
    opened, shuffled = trigger["opened"], trigger["shuffled"]
    return (
        f"what the suspects have in common turns {opened['hits']} of {opened['tried']} other samples into {target}; "
        f"the same values in another order, {shuffled['hits']}"
    )


def _drawable(samples: Samples) -> bool:
    return samples.domain.is_image and samples.domain.shape[0] in (1, 3)


def _class(samples: Samples, label: int) -> str:
    if label == EVERYWHERE:
        return "all classes together"
    return samples.classes[label] if samples.classes else f"class {label}"
