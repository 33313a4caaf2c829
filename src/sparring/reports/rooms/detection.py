"""What a detector is worth, and why it flags an input: pages, and a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sparring.data import Samples
from sparring.detect.explaining import Explained
from sparring.evaluation.statistics import exact_interval
from sparring.reports.html import page
from sparring.reports.pictures import SHOWN, picture

__all__ = ["detection_summary", "render_detection", "render_explained"]

BARS = 40
"""Of the histogram of clean scores."""


def render_detection(document: Mapping[str, Any]) -> str:
    """One page that stands alone, from a `result.json` of the kind `detection`."""
    return page(
        "detection.html.j2",
        document=document,
        body=document["body"],
        rows=_rows(document["body"]),
        area=_area,
    )


def detection_summary(document: Mapping[str, Any]) -> RenderableType:
    """The same for the terminal."""
    body = document["body"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("false alarms", "", "caught, unaware", "robust, unaware", "robust, aware"):
        table.add_column(name, justify="right")
    for row in _rows(body):
        table.add_row(row["promised"], row["alarms"], row["caught"], row["unaware"], row["aware"])
    title = f"{body['model']} with {', '.join(body['scores'])} under {body['threat']}"
    without = (
        f"without a detector: clean {_share(body['clean_correct'], body)}, robust {_share(_bare(body), body)}"
    )
    areas = (
        f"AUROC {_area(body['auroc_unaware'])} unaware, {_area(body['auroc_aware'])} aware of the detector"
    )
    told = [Text(f"{each['severity']}: {each['message']}") for each in document["findings"]]
    return Group(Text(title, style="bold"), Text(without), Text(areas), Text(""), table, *told)


def render_explained(one: Explained, samples: Samples, index: int) -> str:
    """One page about one input."""
    names = samples.classes
    shown = (
        picture(one.input.cpu(), 2 * SHOWN) if samples.domain.is_image and one.input.shape[0] != 4 else None
    )
    return page(
        "explained.html.j2",
        one=one,
        index=index,
        picture=shown,
        classes=[(names[each] if names else str(each), f"{share:.1%}") for each, share in one.classes],
        plot=_histogram(one),
    )


def _rows(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line per promised rate."""
    rows = []
    for line in body["rates"]:
        robust = line["accepted"] - line["evaded"]
        rows.append(
            {
                "promised": f"{line['rate']:.1%} promised",
                "alarms": _share(line["false_alarms"], body),
                "caught": f"{line['caught']} of {body['broken']}",
                "unaware": _share(line["unaware_robust"], body),
                "aware": _share(robust, body),
                "robust": robust,
                "line": line,
            }
        )
    return rows


def _share(count: int, body: Mapping[str, Any]) -> str:
    span = exact_interval(count, body["samples"])
    return f"{count / body['samples']:.1%} ({100 * span.low:.0f}-{100 * span.high:.0f})"


def _area(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _bare(body: Mapping[str, Any]) -> int:
    """What the model alone keeps."""
    count: int = body["clean_correct"] - body["broken"]
    return count


def _histogram(one: Explained) -> dict[str, Any]:
    """Clean scores as bars, with the threshold and the input, in percent of the width."""
    clean = one.calibration
    low = float(torch.minimum(clean.min(), torch.tensor(one.score)))
    high = float(torch.maximum(clean.quantile(0.995), torch.tensor(max(one.score, one.threshold))))
    reach = max(high - low, 1e-9) * 1.04
    heights = torch.histc(clean.clamp(max=low + reach), BARS, low, low + reach)
    tall = float(heights.max().clamp_min(1))
    return {
        "bars": [round(100 * float(each) / tall, 1) for each in heights],
        "threshold": round(100 * (one.threshold - low) / reach, 1),
        "score": round(100 * (one.score - low) / reach, 1),
        "wide": round(100 / BARS, 3),
    }
