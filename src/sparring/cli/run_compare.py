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
from sparring.cli.options import (
    ClassNames,
    Crop,
    DataSource,
    Device,
    LabelKey,
    Limit,
    Mean,
    Outputs,
    Resize,
    SampleCount,
    Std,
    SuiteName,
    ThreatText,
)

if TYPE_CHECKING:
    from sparring.comparing import Contestant
    from sparring.models import Model

__all__ = ["compare"]


def compare(
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
    classes: ClassNames = None,
    resize: Resize = None,
    crop: Crop = None,
    labels: LabelKey = None,
    limit: Limit = None,
    sample: SampleCount = None,
    batch: Annotated[int, typer.Option(help="most samples at once; a matter of memory", min=1)] = 64,
    device: Device = None,
    seed: Annotated[int, typer.Option(help="of all draws")] = 0,
    out: Annotated[Path, typer.Option(help="folder for result.json and report.html")] = Path("runs/compare"),
    as_json: Annotated[bool, typer.Option("--json", help="print result.json instead of a table")] = False,
) -> int:
    """Compare models, defences around the first of them, and detectors beside it: accuracy, robustness and cost.

    Every line is attacked by those who know it. What an attacker leaves who does not know the defence stands beside
    it, to show the difference.

        sparring compare --model plain.pt2 --model trained.pt2 --defence jpeg:75 --detector detector \\
            --data test.npz --threat linf:8/255 --sample 200
    """
    import sparring
    from sparring.api import chosen
    from sparring.cli.jobs import numbers
    from sparring.comparing import compare as compared
    from sparring.errors import UsageError
    from sparring.threat import parse_threat

    if not model or data is None or threat is None:
        raise UsageError(
            "a comparison needs a model, data and a threat: --model net.pt2 --data test.npz --threat linf:8/255"
        )
    asked = parse_threat(threat)

    def opened(word: str) -> Model:
        place, _, weights = word.partition(",")
        return sparring.load_model(
            place, weights=weights or None, mean=numbers(mean, "mean"), std=numbers(std, "std"), outputs=outputs,
            device=device,
        )  # fmt: skip

    contestants = _contestants(model, [opened(word) for word in model], defence or [], detector or [])
    whole = sparring.load_data(data, classes=classes, resize=resize, crop=crop, labels=labels)
    samples, began = chosen(whole, limit, sample), time.monotonic()
    with ExitStack() as displays:
        lines = compared(
            contestants, samples, asked, suite, rate=rate, steps=steps, seed=seed, batch=batch,
            watch=_display(displays, threat),
        )  # fmt: skip
    settings = {"threat": threat, "suite": suite, "rate": rate, "drawn": not samples.ordered}
    return _finish(lines, settings, seed, time.monotonic() - began, out, as_json)


def _contestants(
    words: list[str], models: list[Model], defences: list[str], detectors: list[Path]
) -> list[Contestant]:
    """Models, then defences around the first, then detectors beside it."""
    from sparring.comparing import Contestant
    from sparring.defences.named import defended
    from sparring.detect import load_detector

    found = [
        Contestant(each.name, "model", each, training=_training(word))
        for word, each in zip(words, models, strict=True)
    ]
    first = models[0]
    found += [Contestant(f"{first.name} + {word}", "defence", defended(first, word)) for word in defences]
    for folder in detectors:
        loaded = load_detector(folder)
        loaded.check_model(_digest(first))
        found.append(Contestant(f"{first.name} + {', '.join(loaded.names)}", "detector", first, loaded))
    return found


def _digest(model: Model) -> str | None:
    from torch import nn

    from sparring.models.digest import digest_of

    return digest_of(model.function) if isinstance(model.function, nn.Module) else model.digest


def _training(word: str) -> float | None:
    """Seconds of training, if the result of a training lies beside the model or its weights."""
    path = Path(word.partition(",")[2] or word).parent / "result.json"
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
    from sparring.reports.side_by_side import render_lines, table_of_lines
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
