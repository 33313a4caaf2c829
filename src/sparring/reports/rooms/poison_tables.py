"""What `sparring poison run`, `power` and `repair` found, as a page and as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from sparring.reports.html import page

__all__ = ["poison_page", "poison_summary"]

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """One table with what it says: the same in every format."""

    title: str
    about: str
    sentence: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def poison_page(document: Document) -> str:
    """One page that stands alone, from a `result.json` of the kinds `poison-run`, `poison-power`, `poison-repair`."""
    return page("poison_table.html.j2", document=document, told=_TOLD[document["kind"]](document))


def poison_summary(document: Document) -> Table:
    """The same for the terminal."""
    told = _TOLD[document["kind"]](document)
    table = Table(
        box=None, pad_edge=False, header_style="bold", title=f"{told.title} {told.about}", caption=told.note
    )
    for place, column in enumerate(told.columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    for row in told.rows:
        table.add_row(*row)
    return table


def _run(document: Document) -> Told:
    body = document["body"]
    rows = []
    for cell in body["rates"]:
        for trial in cell["trials"]:
            victim, control = trial["victim"], trial["control"]
            rows.append(
                (
                    f"{cell['rate']:.2%} ({cell['poisoned']:,} samples)",
                    str(trial["seed"]),
                    _share(victim["success"]),
                    _percent(control["success"]),
                    _percent(victim["clean"]),
                    _percent(control["clean"]),
                )
            )
    means = [
        (cell["rate"], [trial["victim"]["success"] for trial in cell["trials"]]) for cell in body["rates"]
    ]
    said = "; ".join(
        f"{rate:.2%} of the training set gives {100 * _mean(shares):.0f}%" for rate, shares in means
    )
    return Told(
        "Poison",
        f"{body['kind']}, {document['samples']:,} training samples",
        f"On the mean over {len(means[0][1])} trainings, {said} of the samples that count the wanted answer.",
        "Success: answers that the poisoner wanted, among test samples with the trigger whose true class is another; "
        "for unlearnable, wrong answers to any. "
        "Intervals are exact (Clopper-Pearson, 95%) and about the draw of the test samples; the seeds show the rest.",
        ("poisoned", "seed", "success", "of the control", "clean accuracy", "of the control"),
        rows,
    )


def _power(document: Document) -> Told:
    body = document["body"]
    rows = [
        (
            each["kind"],
            "" if each["rate"] == 0 else f"{each['rate']:.2%}",
            f"{each['caught']} of {each['trials']} = {each['caught'] / each['trials']:.0%} ({_span(each['interval'])})",
            "" if each["rate"] == 0 else f"{each['found']:.0%}",
            f"{each['blamed']:.2%}",
        )
        for each in body["cells"]
    ]
    control = body["cells"][0]
    return Told(
        "What a scan would have missed",
        f"{document['samples']:,} samples",
        f"Poisons that were planted in these very data, and scanned for with an alarm rate of {body['level']:.0%}. "
        f"Without any planted, {control['caught']} of {control['trials']} scans raised the alarm.",
        "Caught: scans that raised the alarm, with the exact interval (95%). Named: share of the poisoned samples, "
        "and of all others, that the scan called suspects, on the mean. If the control is caught far more often than "
        "the alarm rate, something was in the data before.",
        ("kind", "poisoned", "caught", "poison named", "others named"),
        rows,
    )


def _repair(document: Document) -> Told:
    body = document["body"]
    rows = [
        (
            _REMEDY.get(each["remedy"], each["remedy"]),
            f"{each['trusted']:,}",
            _share(each["success"]),
            _share(each["clean"]),
        )
        for each in body["remedies"]
    ]
    return Told(
        "Remedies",
        f"against {body['kind']}, {body['rate']:.2%} of {document['samples']:,} training samples",
        f"Remedies could use {body['trusted']:,} trusted samples ({body['trusted_share']:.1%}).",
        "Success as for poison run. relabel trains again with the labels that neighbours agree on, remove without the "
        "suspects of a scan; i-bau makes the victim ignore changes that send many inputs to one class; fine-pruning "
        "cuts its neurons and trains it on trusted samples; compress trains again on images with less detail.",
        ("model", "trusted samples", "success", "clean accuracy"),
        rows,
    )


def _certify(document: Document) -> Told:
    body = document["body"]
    rows = [(f"{each['insertions']:,}", _share(each)) for each in body["certified"]]
    return Told(
        "Certified against poison",
        f"{document['samples']:,} training samples, {body['parts'] * body['spread']:,} base models that learn from "
        f"1 in {body['parts']:,}, {body['election']}",
        "Answers that are right, and stay right whatever so many samples are that somebody adds or takes away.",
        "The first row is plain accuracy. A promise about these test samples and this way of training, not about "
        "another model trained on the same data.",
        ("samples added or taken away", "certified accuracy"),
        rows,
    )


_TOLD = {"poison-certify": _certify, "poison-run": _run, "poison-power": _power, "poison-repair": _repair}
_REMEDY = {"control": "control, never poisoned", "none": "victim, before any remedy"}


def _percent(share: Mapping[str, Any]) -> str:
    return f"{100 * share['hits'] / share['tried']:.1f}%"


def _share(share: Mapping[str, Any]) -> str:
    return f"{_percent(share)} ({_span(share['interval'])})"


def _span(interval: Mapping[str, float]) -> str:
    return f"{100 * interval['low']:.0f}-{100 * interval['high']:.0f}%"


def _mean(shares: Sequence[Mapping[str, Any]]) -> float:
    return sum(share["hits"] / share["tried"] for share in shares) / len(shares)
