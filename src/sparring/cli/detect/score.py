"""`sparring detect score`: how suspicious each input is, and one of them explained."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparring.cli.detect.options import AsJson, Batch, DetectorFolder, Level, opened_view
from sparring.cli.groups import Opening, Reading, taking
from sparring.cli.options import ConfigPath, DataSource, Limit, ModelSource, SampleCount

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["score"]

MOST = 20
"""Lines in a terminal: the most suspicious."""


@taking(Opening, Reading)
def score(
    context: typer.Context,
    detector: DetectorFolder,
    model: ModelSource = None,
    data: DataSource = None,
    rate: Annotated[float, typer.Option(help="of false alarms among clean inputs")] = 0.05,
    level: Level = None,
    explain: Annotated[
        int | None, typer.Option(help="write a page about the input at this position, from 0", min=0)
    ] = None,
    page: Annotated[Path, typer.Option(help="where that page goes")] = Path("explained.html"),
    limit: Limit = None,
    sample: SampleCount = None,
    batch: Batch = 64,
    config: ConfigPath = Path("sparring.toml"),
    as_json: AsJson = False,
) -> int:
    """Say how suspicious each input is, and which are flagged.

    The p-value is the share of clean inputs that look at least as suspicious. Nothing is promised about adversarial
    inputs: what a detector does against them says `sparring detect evaluate`. What no option says is read from
    `sparring.toml`.

        sparring detect score detector --model net.pt2 --data today.npz --rate 0.01 --explain 3
    """
    from rich.console import Console

    from sparring.cli.jobs import job_of
    from sparring.detect import load_detector
    from sparring.detect.explaining import explained
    from sparring.errors import UsageError
    from sparring.models import untouched

    found = load_detector(detector)
    view, looked, samples = opened_view(job_of(context))
    found.check_model(looked.digest)
    if explain is not None and explain >= len(samples):
        raise UsageError(f"there is no input at position {explain}: there are {len(samples)}, counted from 0")
    with untouched(looked):
        scores, bound = found.of(view, samples.inputs), found.threshold(rate, level)
        predicted = view.of(samples.inputs).logits.argmax(1)
        if explain is not None:
            from sparring.reports.html import save_html
            from sparring.reports.rooms.detection import render_explained

            one = explained(view, found, samples.inputs[explain], bound, rate)
            save_html(render_explained(one, samples, int(samples.index[explain])), page)
    lines = [
        {"index": index, "prediction": answer, "score": value, "p_value": chance, "flagged": value > bound}
        for index, answer, value, chance in zip(
            samples.index.tolist(), predicted.tolist(), scores.tolist(), found.p_values(scores).tolist(), strict=True
        )
    ]  # fmt: skip
    if as_json:
        told = {"rate": rate, "level": level, "threshold": bound, "inputs": lines}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        Console().print(_table(lines))
        flagged = sum(line["flagged"] for line in lines)
        sys.stdout.write(f"{flagged} of {len(lines)} flagged at a rate of {rate:g} among clean inputs\n")
        if explain is not None:
            sys.stdout.write(f"{page}\n")
    return 0


def _table(lines: list[dict[str, Any]]) -> Table:
    from rich.table import Table

    table = Table(
        box=None, pad_edge=False, header_style="bold", title=f"the most suspicious {min(MOST, len(lines))}"
    )
    for name in ("input", "class", "score", "p-value", ""):
        table.add_column(name, justify="right" if name else "left")
    for line in sorted(lines, key=lambda line: -line["score"])[:MOST]:
        table.add_row(
            str(line["index"]), str(line["prediction"]), f"{line['score']:.2f}", f"{line['p_value']:.3g}",
            "flagged" if line["flagged"] else "",
        )  # fmt: skip
    return table
