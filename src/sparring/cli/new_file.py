"""The text that `sparring init` writes: what was given, what was seen, and why."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparring.cli.jobs import Job, numbers

if TYPE_CHECKING:
    from sparring.data import Samples
    from sparring.evaluation.doctor import Check
    from sparring.models import Model

__all__ = ["file_text", "is_settled"]

ENOUGH = 1000
"""More samples than this are drawn from, not all audited."""


def file_text(job: Job, model: Model, samples: Samples, checks: Sequence[Check], folder: Path) -> str:
    """What `sparring init` writes into `folder`: what was given, and what was seen."""
    from sparring.config.draft import draft
    from sparring.data.proposed import proposed_features
    from sparring.threat import parse_threat, threat_words

    source = "relative to this file; naming code.py:factory is consent to run it"
    about = {
        "source": (_relative(job["model"], folder), source),
        "weights": (_relative(job["weights"], folder), ""),
    }
    about |= {name: (job[name], "") for name in ("device", "allow_unsafe", "json_fields")}
    about["engagement"] = (_relative(job["engagement"], folder), "who allowed what; kept at every request")
    about |= _model_settings(job, {check.name: check for check in checks})
    data: dict[str, tuple[Any, str]] = {"source": (_relative(job["data"], folder), _described(samples))}
    data["classes"] = (_relative(job["classes"], folder), "")
    data |= {name: (job[name], "") for name in ("resize", "crop", "labels")}
    if len(samples) > ENOUGH:
        data["sample"] = ENOUGH, f"of {len(samples):,}, drawn at random by id; gives an interval"
    threat = job["threat"]
    audit = {
        "threat": (threat, threat_words(parse_threat(threat), samples.domain)),
        "suite": _suite(model, samples, threat),
    }
    return draft(about, data, audit, proposed_features(samples) if samples.domain.is_table else None)


def _suite(model: Model, samples: Samples, threat: str) -> tuple[str, str]:
    from sparring.evaluation.trial.boxes import answers_in_boxes
    from sparring.threat import parse_threat, threat_kind

    if not model.scores:
        return "labels", "sees classes only, as this model gives no more"
    for_boxes = {"linf:min": "trees", "l2:min": "labels"}.get(threat_kind(parse_threat(threat)))
    if not model.gradients and for_boxes and answers_in_boxes(model, samples):
        return (
            for_boxes,
            "sees classes only: answers are constant on boxes, as those of trees are, and slopes zero",
        )
    if not model.gradients:
        return "blackbox", "reads scores only: this model gives no gradients"
    return "fast", "standard is AutoAttack itself, twenty times the cost; smoke can only show weakness"


def _model_settings(job: Job, seen: dict[str, Check]) -> dict[str, tuple[Any, str]]:
    """What was given for the model, changed by what the checks found."""
    found: dict[str, tuple[Any, str]] = {
        "mean": (numbers(job["mean"], "mean"), ""),
        "std": (numbers(job["std"], "std"), ""),
        "outputs": (None if job["outputs"] == "auto" else job["outputs"], seen["outputs"].seen),
    }
    check = seen.get("normalisation")
    if check is not None and is_settled(check, job):
        settings = check.settings["model"]
        found |= {"mean": (settings["mean"], check.seen), "std": (settings["std"], "")}
    return found


def is_settled(check: Check, job: Job) -> bool:
    """Whether the file can say what a check found: a normalisation that was missing, or one too many."""
    settings = check.settings.get("model", {})
    return "mean" in settings and (job["mean"] is None) == (settings["mean"] is not None)


def _described(samples: Samples) -> str:
    shape = "x".join(map(str, samples.domain.shape))
    classes = len(samples.classes) if samples.classes else int(samples.labels.max()) + 1
    grid = ", 8-bit" if samples.domain.step else ""
    return f"{len(samples):,} samples of {shape}, {classes} classes{grid}"


def _relative(place: str | Path | None, folder: Path) -> str | None:
    """A path as seen from the file; whatever else a source is stays as it is."""
    if place is None:
        return None
    file, colon, name = str(place).rpartition(":") if ".py:" in str(place) else (str(place), "", "")
    return f"{os.path.relpath(file, folder)}{colon}{name}" if Path(file).exists() else str(place)
