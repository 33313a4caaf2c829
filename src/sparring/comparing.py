"""Models, defences and detectors side by side: what each gets right, under whom, and at what cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any, Literal

import torch
from torch import Tensor

from sparring.api import audit, load_model
from sparring.attacks.suites import Stage
from sparring.data import Samples
from sparring.detect import Detector, Evaluation, View, evaluate
from sparring.detect.attackers import way_up
from sparring.engine import Attack
from sparring.errors import UsageError
from sparring.evaluation.statistics import Interval, exact_interval
from sparring.models import Model, look, untouched
from sparring.threat import Threat

__all__ = ["Contestant", "Line", "above_base", "compare"]

Kind = Literal["model", "defence", "detector"]

TIMED = 64
"""Inputs in the batch whose forward is timed, five times."""


@dataclass(frozen=True)
class Contestant:
    """Somebody in a comparison.

    Args:
        name: In tables.
        kind: `model`, `defence` (around the first model), or `detector` (beside the first model).
        model: What answers.
        detector: What may refuse to.
        training: Seconds that its training took, where that is known.
    """

    name: str
    kind: Kind
    model: Any
    detector: Detector | None = None
    training: float | None = None


@dataclass(frozen=True)
class Line:
    """What came of a contestant.

    Args:
        name, kind, training: As in `Contestant`.
        samples: How many were attacked.
        clean: Right as they are; with a detector: and not flagged. Of a model that answers at random a sum of shares.
        robust: Right under every attack that knows the contestant; with a detector: never wrong unflagged.
        interval: Of robust / samples, about the draw of the samples.
        unaware: What an attacker leaves who knows nothing of the defence or detector; None for a model.
        seconds: Of a forward of one input, in a batch.
        passes: What the attacks cost, forwards and backwards.
        verdict: Of the audit.
    """

    name: str
    kind: Kind
    samples: int
    clean: float
    robust: float
    interval: Interval
    unaware: float | None
    seconds: float
    training: float | None
    passes: int
    verdict: str


def compare(
    contestants: Sequence[Contestant],
    samples: Samples,
    threat: Threat,
    suite: str | Sequence[Stage | Attack] = "fast",
    *,
    rate: float = 0.05,
    steps: int = 100,
    seed: int = 0,
    batch: int = 64,
    watch: Callable[[Contestant], Callable[..., None]] = lambda contestant: lambda *standing: None,
) -> list[Line]:
    """Attack every contestant on the same samples, each by those who know it.

    Args:
        contestants: The first one is what defences and detectors are measured against.
        samples: As in `audit`.
        threat: As in `audit`.
        suite: As in `audit`; detectors have attackers of their own.
        rate: Of false alarms, for detectors.
        steps: Of each climb against a detector.
        seed: Of all draws.
        batch: Most samples at once.
        watch: Asked, for each contestant, who shall be told how it goes.

    Raises:
        UsageError: There are no two to compare.
    """
    if len(contestants) < 2:
        raise UsageError("a comparison needs at least two of models, defences and detectors")
    lines = []
    for each in contestants:
        tell = watch(each)
        if each.detector is None:
            run = audit(each.model, samples, threat, suite, seed=seed, batch=batch, watch=tell)
            lines.append(_of_audit(each, run.result, samples))
            continue
        model = look(load_model(each.model), samples.inputs, samples.labels)
        view, up = View(model, batch), way_up(model)
        with untouched(model):
            seen = evaluate(
                view,
                each.detector,
                samples,
                threat,
                rates=(rate,),
                steps=steps,
                seed=seed,
                stand_in=up,
                watch=tell,
            )
        lines.append(
            _of_evaluation(each, seen, _seconds(partial(_scored, view, each.detector), samples.inputs))
        )
    return lines


def above_base(lines: Sequence[Line]) -> list[Line]:
    """Defences and detectors that end above the first line by more than their interval: hardly any should."""
    base = lines[0].robust / lines[0].samples
    return [each for each in lines[1:] if each.kind != "model" and each.interval.low > base]


def _of_audit(contestant: Contestant, result: dict[str, Any], samples: Samples) -> Line:
    body, count = result["body"], result["samples"]
    drawn = body.get("randomised")
    robust, plain = result["robust_accuracy"] * count, body.get("unadapted")
    return Line(
        contestant.name,
        contestant.kind,
        count,
        drawn["clean_correctness"] * count if drawn else result["clean_correct"],
        robust,
        exact_interval(min(robust, count), count),
        None if plain is None else plain["right"],
        _seconds(load_model(contestant.model), samples.inputs),
        contestant.training,
        result["forwards"] + result["backwards"],
        result["verdict"],
    )


def _of_evaluation(contestant: Contestant, seen: Evaluation, seconds: float) -> Line:
    (line,) = seen.rates
    return Line(
        contestant.name,
        contestant.kind,
        seen.samples,
        line.accepted,
        line.robust,
        seen.share(line.robust),
        line.unaware_robust,
        seconds,
        contestant.training,
        seen.forwards + seen.backwards,
        "measured",
    )


def _scored(view: View, detector: Detector, inputs: Tensor) -> Tensor:
    return detector.blended(view, view(inputs))


def _seconds(answer: Model | Callable[[Tensor], Any], inputs: Tensor) -> float:
    """Of one input, in a batch; the median of five. On a CPU that of this thread: others may use the machine too."""
    shown = inputs[:TIMED]
    shown = shown.to(answer.device) if isinstance(answer, Model) else shown
    clock = time.thread_time if shown.device.type == "cpu" else time.perf_counter
    taken = []
    with torch.no_grad(), untouched(answer):
        for _ in range(5):
            began = clock()
            answer(shown)
            if shown.device.type == "cuda":
                torch.cuda.synchronize()
            taken.append(clock() - began)
    return median(taken) / len(shown)
