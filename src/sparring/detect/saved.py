"""A detector as a folder: `detector.json` with its settings, `detector.safetensors` with its numbers; no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from sparring.detect.detector import Detector
from sparring.detect.scores import SCORES
from sparring.domain import Domain
from sparring.errors import DataError, nearest
from sparring.storage import replacing

__all__ = ["load_detector", "save_detector"]

SCHEMA = 1
WORDS, NUMBERS = "detector.json", "detector.safetensors"


def save_detector(detector: Detector, folder: str | Path) -> Path:
    """Write a detector into a folder, which is made if need be.

    Raises:
        DataError: It cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made: {error.strerror or error}") from error
    packed = save(_tensors(detector))
    words = {
        "schema": SCHEMA,
        "kind": "detector",
        "scores": [
            {"name": name, "kind": _kind(score), "settings": asdict(score)}  # type: ignore[call-overload]  # dataclasses
            for name, score in zip(detector.names, detector.scores, strict=True)
        ],
        "shape": list(detector.domain.shape),
        "step": detector.domain.step,
        "model": detector.model,
        "sha256": sha256(packed).hexdigest(),
    }
    with replacing(folder / NUMBERS) as path:
        path.write_bytes(packed)
    with replacing(folder / WORDS) as path:
        path.write_text(json.dumps(words, indent=2) + "\n", encoding="utf-8")
    return folder


def load_detector(folder: str | Path) -> Detector:
    """Read a detector back.

    Raises:
        DataError: It is not there, damaged, or of a newer kind.
    """
    folder = Path(folder)
    words, packed = _read(folder)
    if sha256(packed).hexdigest() != words.get("sha256"):
        raise DataError(
            f"{folder / NUMBERS} does not belong to {WORDS} beside it, or is damaged; fit it again"
        )
    try:
        return _made(words, load(packed))
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{folder / WORDS} is damaged: {error}; fit the detector again") from error


def _read(folder: Path) -> tuple[dict[str, Any], bytes]:
    try:
        words = json.loads((folder / WORDS).read_text(encoding="utf-8"))
        packed = (folder / NUMBERS).read_bytes()
    except OSError as error:
        raise DataError(
            f"{folder} holds no detector ({error.strerror or error}); make one with: sparring detect fit"
        ) from error
    except ValueError as error:
        raise DataError(f"{folder / WORDS} is damaged: {error}; fit the detector again") from error
    if not isinstance(words, dict) or words.get("kind") != "detector":
        raise DataError(f"{folder / WORDS} describes no detector")
    if words.get("schema") != SCHEMA:
        raise DataError(
            f"{folder} was written by a newer Sparring (schema {words.get('schema')}); install that one"
        )
    return words, packed


def _made(words: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Detector:
    entries = words["scores"]
    for each in entries:
        if each["kind"] not in SCORES:
            raise DataError(
                f"the detector has an unknown score {each['kind']!r}; {nearest(each['kind'], SCORES)}"
            )
    fitted = tuple(
        {
            name.split("/", 1)[1]: values
            for name, values in tensors.items()
            if name.startswith(f"score{place}/")
        }
        for place in range(len(entries))
    )
    return Detector(
        names=tuple(each["name"] for each in entries),
        scores=tuple(SCORES[each["kind"]](**_tuples(each["settings"])) for each in entries),
        fitted=fitted,
        centre=tensors["centre"],
        spread=tensors["spread"],
        weights=tensors.get("weights"),
        calibration=tensors["calibration"],
        domain=Domain(tensors["low"], tensors["high"], words["step"], tuple(words["shape"])),
        model=words["model"],
    )


def _tensors(detector: Detector) -> dict[str, Tensor]:
    low, high = (torch.as_tensor(bound).float() for bound in (detector.domain.low, detector.domain.high))
    own = {
        "centre": detector.centre,
        "spread": detector.spread,
        "calibration": detector.calibration,
        "low": low,
        "high": high,
    }
    own |= {} if detector.weights is None else {"weights": detector.weights}
    for place, fitted in enumerate(detector.fitted):
        own |= {f"score{place}/{name}": values for name, values in fitted.items()}
    return {name: values.detach().cpu().contiguous() for name, values in own.items()}


def _kind(score: object) -> str:
    return next(name for name, kind in SCORES.items() if type(score) is kind)


def _tuples(settings: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has lists where settings have tuples."""
    return {name: tuple(each) if isinstance(each, list) else each for name, each in settings.items()}
