"""`sparring compare`: models, defences and detectors side by side."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparring.cli.ending import command, finish
from sparring.cli.groups import Reading, taking
from sparring.cli.options import (
    ConfigPath,
    DataSource,
    Device,
    Limit,
    Mean,
    Outputs,
    SampleCount,
    Std,
    SuiteName,
    ThreatText,
)

if TYPE_CHECKING:
    from sparring.cli.jobs import Job
    from sparring.comparing import Contestant
    from sparring.models import Model

__all__ = ["compare"]


@taking(Reading)
def compare(
    context: typer.Context,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="as for audit; several are compared; with weights: net.py:make,weights.safetensors"
        ),
    ] = None,
    data: DataSource = None,
    threat: ThreatText = None,
    defence: Annotated[
        list[str] | None,
        typer.Option(
            help="around the first model: jpeg:75, bits:3, median, tv, resize-pad, crop, smoothing, …"
        ),
    ] = None,
    detector: Annotated[
        list[Path] | None, typer.Option(help="folder of sparring detect fit, on the first model")
    ] = None,
    suite: SuiteName = "fast",
    rate: Annotated[float, typer.Option(help="of false alarms, for detectors")] = 0.05,
    steps: Annotated[int, typer.Option(help="of each climb against a detector", min=1)] = 100,
    mean: Mean = None,
    std: Std = None,
    outputs: Outputs = "auto",
    limit: Limit = None,
    sample: SampleCount = None,
    batch: Annotated[int, typer.Option(help="most samples at once; a matter of memory", min=1)] = 64,
    device: Device = None,
    seed: Annotated[int, typer.Option(help="of all draws")] = 0,
    out: Annotated[Path, typer.Option(help="folder for result.json and report.html")] = Path("runs/compare"),
    config: ConfigPath = Path("sparring.toml"),
    as_json: Annotated[bool, typer.Option("--json", help="print result.json instead of a table")] = False,
) -> int:
    """Compare models, defences around the first of them, and detectors beside it: accuracy, robustness and cost.

    Every line is attacked by those who know it. What an attacker leaves who does not know the defence stands beside
    it, to show the difference. What no option says is read from `sparring.toml`.

        sparring compare --model plain.pt2 --model trained.pt2 --defence jpeg:75 --detector detector \\
            --data test.npz --threat linf:8/255 --sample 200
    """
    from sparring.api import chosen
    from sparring.cli.jobs import job_of, loaded_data
    from sparring.comparing import compare as compared
    from sparring.threat import parse_threat

    job = job_of(context)
    asked = parse_threat(job["threat"])
    contestants = _contestants(_models(job), defence or [], detector or [])
    whole, suite, seed = loaded_data(job, job["data"]), job["suite"], job["seed"]
    samples, began = chosen(whole, job["limit"], job["sample"]), time.monotonic()
    with ExitStack() as displays:
        lines = compared(
            contestants, samples, asked, suite, rate=rate, steps=steps, seed=seed, batch=job["batch"],
            watch=_display(displays, job["threat"]),
        )  # fmt: skip
    settings = {"threat": job["threat"], "suite": suite, "rate": rate, "drawn": not samples.ordered}
    return _finish(lines, settings, seed, time.monotonic() - began, out, as_json)


def _models(job: Job) -> list[Job]:
    """What to load, a model each: those that were given, or that of the file."""
    if isinstance(job["model"], str):
        return [job]
    parts = (word.partition(",") for word in job["model"])
    return [
        job | {"model": place, "weights": weights or None, "allow_unsafe": None}
        for place, _, weights in parts
    ]


def _contestants(models: list[Job], defences: list[str], detectors: list[Path]) -> list[Contestant]:
    """Models, then defences around the first, then detectors beside it."""
    from sparring.cli.jobs import loaded_model
    from sparring.comparing import Contestant
    from sparring.defences.named import defended
    from sparring.detect import load_detector

    loaded = [loaded_model(each) for each in models]
    found = [
        Contestant(each.name, "model", each, training=_training(job["weights"] or job["model"]))
        for job, each in zip(models, loaded, strict=True)
    ]
    first = loaded[0]
    found += [Contestant(f"{first.name} + {word}", "defence", defended(first, word)) for word in defences]
    for folder in detectors:
        known = load_detector(folder)
        known.check_model(_digest(first))
        found.append(Contestant(f"{first.name} + {', '.join(known.names)}", "detector", first, known))
    return found


def _digest(model: Model) -> str | None:
    from torch import nn

    from sparring.models.digest import digest_of

    return digest_of(model.function) if isinstance(model.function, nn.Module) else model.digest


def _training(place: str) -> float | None:
    """Seconds of training, if the result of a training lies beside the model or its weights."""
    path = Path(place).parent / "result.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return float(told["seconds"]) if isinstance(told, dict) and told.get("kind") == "training" else None


def _display(displays: ExitStack, threat: str) -> Callable[[Contestant], Callable[..., None]]:
    """A live display per contestant, one after the other."""
    from sparring.cli.live import searching, watching

    def watch(contestant: Contestant) -> Any:
        displays.close()
        make: Any = watching if contestant.detector is None else searching
        return displays.enter_context(make(f"{contestant.name} under {threat}"))

    return watch


def _finish(
    lines: list[Any], settings: dict[str, Any], seed: int, seconds: float, out: Path, as_json: bool
) -> int:
    from dataclasses import asdict

    from sparring.comparing import above_base
    from sparring.reports.rooms.side_by_side import render_lines, table_of_lines
    from sparring.storage.envelope import envelope

    findings = [
        {
            "id": "above-base",
            "severity": "warning",
            "message": f"{line.name} ends above {lines[0].name} by more than its interval; a stage alone hardly ever "
            "protects, so look for an attack that is too weak before you believe it",
            "samples": None,
        }
        for line in above_base(lines)
    ]
    document = envelope(
        "comparison", {**settings, "lines": [asdict(line) for line in lines]}, samples=lines[0].samples, seed=seed,
        seconds=seconds, findings=findings, command=command(),
    )  # fmt: skip
    finish(document, render_lines(document), table_of_lines(document), out, as_json)
    return 0
