"""Where an adversarial example comes from: the sidecar that lies beside its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sparring.reports.words import class_name
from sparring.storage import Run

__all__ = ["NOTICE", "Example", "provenance"]

NOTICE = (
    "Adversarial example, made to test the model named here. It is no training data; show it only to systems that "
    "you are allowed to test."
)

_STORED = {
    "png": "8-bit image of whole grey levels, measured as such: divided by 255 it is the point that was verified",
    "npz": "float32 values exactly as they were verified",
}
_ROUNDING = "; rounding them to whole grey levels may undo it"


@dataclass(frozen=True)
class Example:
    """One adversarial example as it is going to be stored.

    Args:
        record: Its row of `records.parquet`.
        point: uint8 grey levels for `png`, float32 for `npz`; `(*shape)`.
        kind: `png` or `npz`.
        distance: Of this point, in the threat's norm.
        prediction: What the model said of this point when it was verified.
    """

    record: Mapping[str, Any]
    point: Tensor
    kind: str
    distance: float | None
    prediction: int | None

    @property
    def name(self) -> str:
        """Name of the file without its ending: position in the data, label, and what came out."""
        return f"{self.record['index']:06}-{self.record['label']}-as-{self.prediction}"


def provenance(run: Run, example: Example, digest: str) -> dict[str, Any]:
    """What the sidecar of `example` says; `digest` is the SHA-256 of its file. Depends on nothing but the run."""
    result, record = run.result, example.record
    lossy = example.kind == "npz" and result["data"].get("step") is not None
    return {
        "schema_version": "1.0",
        "kind": "adversarial-example",
        "notice": NOTICE,
        "file": {
            "name": f"{example.name}.{example.kind}",
            "sha256": digest,
            "stored": _STORED[example.kind] + (_ROUNDING if lossy else ""),
        },
        "sample": {
            "id": record["id"],
            "index": record["index"],
            **_answer(run, "label", record["label"]),
            "prediction": record["prediction"],
        },
        "adversarial": {
            **_answer(run, "prediction", example.prediction),
            "distance": example.distance,
            "norm": result["threat"]["norm"],
            "verified": record["verified"],
        },
        "threat": {name: result["threat"].get(name) for name in ("text", "eps", "words")},
        "suite": result["suite"]["name"],
        "stage": record["attack"],
        "attack": _attack(result, record["attack"])
        + (", then a search among grey levels" if example.kind == "png" else ""),
        "seed": result["seed"],
        "model": {name: result["model"].get(name) for name in ("name", "source", "digest")},
        "data": {name: result["data"].get(name) for name in ("source", "digest")},
        "run": {"folder": run.folder.resolve().name if run.folder else None, "date": result["date"]},
        "engagement": result.get("engagement"),
        "versions": result["versions"],
    }


def _answer(run: Run, name: str, label: int | None) -> dict[str, Any]:
    return {name: label, "class": class_name(run, label)}


def _attack(result: Mapping[str, Any], stage: str | None) -> str:
    """The attack of a stage."""
    named = {each["name"]: each["attack"] for each in result["suite"].get("stages") or []}
    return str(named.get(stage, stage))
