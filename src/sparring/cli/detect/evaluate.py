"""`sparring detect evaluate`: what a detector is worth against those who know it."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sparring.cli.detect.options import AsJson, Batch, DetectorFolder, Level, Seed, opened_view
from sparring.cli.ending import command, finish
from sparring.cli.groups import Opening, Reading, taking
from sparring.cli.options import ConfigPath, DataSource, Limit, ModelSource, SampleCount, ThreatText

__all__ = ["evaluate"]


@taking(Opening, Reading)
def evaluate(
    context: typer.Context,
    detector: DetectorFolder,
    model: ModelSource = None,
    data: DataSource = None,
    threat: ThreatText = None,
    rates: Annotated[str, typer.Option(help="of false alarms, with commas between them")] = "0.05,0.01",
    level: Level = None,
    steps: Annotated[int, typer.Option(help="of each climb", min=1)] = 100,
    limit: Limit = None,
    sample: SampleCount = None,
    batch: Batch = 64,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="folder for result.json and report.html")] = Path("runs/detect"),
    config: ConfigPath = Path("sparring.toml"),
    as_json: AsJson = False,
) -> int:
    """Attack a model with its detector: first by who does not know it, then by who does.

    The samples must be others than those that the detector was fitted on. What no option says is read from
    `sparring.toml`.

        sparring detect evaluate detector --model net.pt2 --data test.npz --threat linf:8/255 --sample 200
    """
    from sparring.cli.jobs import job_of, numbers
    from sparring.cli.live import searching
    from sparring.detect import evaluate as measured
    from sparring.detect import load_detector
    from sparring.detect.attackers import way_up
    from sparring.detect.told import findings_of
    from sparring.models import untouched
    from sparring.reports.rooms.detection import detection_summary, render_detection
    from sparring.storage.envelope import envelope
    from sparring.threat import parse_threat, threat_text

    job, wanted, found = job_of(context), numbers(rates, "rates") or [], load_detector(detector)
    asked = parse_threat(job["threat"])
    view, looked, samples = opened_view(job)
    found.check_model(looked.digest)
    began = time.monotonic()
    with untouched(looked), searching(f"{looked.name} with its detector under {job['threat']}") as watch:
        seen = measured(
            view, found, samples, asked, rates=wanted, level=level, steps=steps, seed=seed,
            stand_in=way_up(looked), watch=watch,
        )  # fmt: skip
    body = {
        "detector": str(detector), "scores": list(found.names), "model": looked.name, "threat": threat_text(asked),
        "level": level, "steps": steps, **asdict(seen),
    }  # fmt: skip
    document = envelope(
        "detection", body, samples=len(samples), seed=seed, seconds=time.monotonic() - began,
        findings=findings_of(seen, found.names), command=command(),
    )  # fmt: skip
    finish(document, render_detection(document), detection_summary(document), out, as_json)
    return 0
