"""Made-up runs that look like real ones, for the tests of storage and reports."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sparring.storage import Run, attempts_table, records_table

CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
STAGES = ("apgd-ce", "apgd-t", "fab-t", "square")
EPS = 8 / 255


@dataclass(frozen=True)
class Sample:
    """What happened to one sample; `stage` is the one that broke it."""

    index: int
    label: int
    prediction: int
    stage: str | None
    found_after: int | None

    @property
    def status(self) -> str:
        if self.prediction != self.label:
            return "clean_error"
        return "robust" if self.stage is None else "broken"


def make_run(
    samples: int = 60,
    shape: tuple[int, ...] = (3, 32, 32),
    classes: tuple[str, ...] = CIFAR,
    seed: int = 0,
    **changes: Any,
) -> Run:
    """A run over `samples` smooth random pictures (or noise, where `shape` is none of a picture)."""
    fates = made_up(samples, len(classes), seed)
    broken = [fate for fate in fates if fate.status == "broken"]
    index = torch.tensor([fate.index for fate in broken], dtype=torch.int64)
    inputs, adversarial = pairs(len(broken), shape, seed)
    tensors = {
        "index": index,
        "adversarial": adversarial,
        "gallery_index": index[:24],
        "gallery_inputs": inputs[:24],
        "gallery_adversarial": adversarial[:24],
    }
    result = make_result(fates, shape, classes) | changes
    return Run(result, make_records(fates, len(classes)), make_attempts(fates), tensors)


def made_up(samples: int, classes: int, seed: int) -> list[Sample]:
    random = np.random.default_rng(seed)
    fates = []
    for index in range(samples):
        label = index % classes
        stage, found = None, None
        if random.random() < 0.55:
            stage = str(random.choice(STAGES, p=(0.7, 0.24, 0.02, 0.04)))
            found = 200 * STAGES.index(stage) + 1 + int(random.lognormal(2.3, 1.0))
        prediction = label if random.random() < 0.7 else (label + 1) % classes
        fates.append(Sample(index, label, prediction, stage, found))
    return fates


def pairs(count: int, shape: tuple[int, ...], seed: int) -> tuple[Tensor, Tensor]:
    """Inputs and adversarial inputs (count, *shape), the second within `EPS` of the first."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.rand(count, *shape, generator=generator)
    if len(shape) == 3 and count:
        coarse = torch.rand(count, shape[0], 4, 4, generator=generator)
        inputs = F.interpolate(coarse, shape[1:], mode="bicubic").clamp(0, 1)
    change = EPS * torch.randn(count, *shape, generator=generator).sign()
    return inputs, (inputs + change).clamp(0, 1)


def make_records(fates: list[Sample], classes: int = 10) -> Any:
    broken = [fate.status == "broken" for fate in fates]
    tried = [fate.status != "clean_error" for fate in fates]
    spent = [
        fate.found_after if hit else 5000 * try_ + 1
        for fate, hit, try_ in zip(fates, broken, tried, strict=True)
    ]
    only_if_broken = [
        (fate.stage, (fate.label + 1) % classes, EPS * (1 - fate.index / 1e4), 0.5, fate.found_after)
        if hit
        else (None,) * 5
        for fate, hit in zip(fates, broken, strict=True)
    ]
    attack, wrong, distance, margin, found = zip(*only_if_broken, strict=True) if fates else ((),) * 5
    return records_table(
        {
            "id": [f"{fate.index:064x}" for fate in fates],
            "index": [fate.index for fate in fates],
            "label": [fate.label for fate in fates],
            "prediction": [fate.prediction for fate in fates],
            "status": [fate.status for fate in fates],
            "attack": attack,
            "adversarial_prediction": wrong,
            "distance": distance,
            "margin": margin,
            "forwards": spent,
            "backwards": spent,
            "queries": spent,
            "found_after": found,
            "verified": broken,
            "broken_8bit": broken,
            "risk": [None] * len(fates),
        }
    )


def make_attempts(fates: list[Sample]) -> Any:
    """Every sample that the model gets right runs through the stages until one breaks it."""
    tries = [
        (fate, stage)
        for fate in fates
        if fate.status != "clean_error"
        for place, stage in enumerate(STAGES)
        if fate.stage is None or place <= STAGES.index(fate.stage)
    ]
    passes = [fate.found_after if fate.stage == stage else 100 for fate, stage in tries]
    return attempts_table(
        {
            "id": [f"{fate.index:064x}" for fate, _ in tries],
            "index": [fate.index for fate, _ in tries],
            "stage": [stage for _, stage in tries],
            "attack": [stage.split("-")[0] for _, stage in tries],
            "aim": [None] * len(tries),
            "start": [0] * len(tries),
            "outcome": ["broken" if fate.stage == stage else "held" for fate, stage in tries],
            "margin": [0.5 if fate.stage == stage else -0.5 for fate, stage in tries],
            "distance": [EPS] * len(tries),
            "forwards": passes,
            "backwards": passes,
            "queries": passes,
            "steps": passes,
        }
    )


def make_result(fates: list[Sample], shape: tuple[int, ...], classes: tuple[str, ...]) -> dict[str, Any]:
    correct = sum(fate.status != "clean_error" for fate in fates)
    robust = sum(fate.status == "robust" for fate in fates)
    found = sorted(fate.found_after for fate in fates if fate.status == "broken" and fate.found_after)
    return {
        "schema_version": "1.0",
        "kind": "audit",
        "verdict": "measured",
        "reasons": [],
        "samples": len(fates),
        "clean_correct": correct,
        "robust": robust,
        "robust_accuracy": robust / max(len(fates), 1),
        "robust_8bit": robust + 2,
        "interval": {"low": 0.201, "high": 0.312, "level": 0.95, "method": "Clopper-Pearson"},
        "interval_note": "It is about which samples were drawn, not about attacks that were not tried.",
        "threat": {
            "text": "linf:8/255",
            "norm": "linf",
            "eps": EPS,
            "words": "every pixel may change by at most 8 of 255 grey levels",
        },
        "suite": {
            "name": "standard",
            "stages": [
                {"name": stage, "attack": stage.split("-")[0], "aims": 1, "restarts": 1, "steps": 100}
                for stage in STAGES
            ],
        },
        "seed": 0,
        "forwards": 123_456,
        "backwards": 98_765,
        "queries": 123_456,
        "seconds": 83.2,
        "date": "2026-11-23T07:00:00Z",
        "findings": [
            {
                "id": "clean-gradients",
                "severity": "note",
                "message": "3 samples have no gradient.",
                "samples": 3,
            }
        ],
        "versions": {"sparring": "0.1.0", "torch": "2.13.0", "python": "3.11.2", "engine": "1"},
        "model": {
            "name": "small_resnet",
            "source": "small_resnet.pt2",
            "digest": "ab" * 32,
            "notes": ["outputs are logits"],
        }
        | {"device": "cpu", "precision": "float32"},
        "data": {
            "source": "test.npz",
            "digest": "cd" * 32,
            "classes": list(classes),
            "notes": [],
            "total": 500,
        }
        | {"shape": list(shape), "step": 1 / 255},
        "command": "sparring audit --model small_resnet.pt2 --data test.npz --threat linf:8/255",
        "python": 'sparring.audit("small_resnet.pt2", "test.npz", "linf:8/255", suite="standard", seed=0)',
        "curve": {"passes": found, "robust": [correct - place for place in range(1, len(found) + 1)]},
        "body": {},
    }
