"""The tables of `sparring.toml`, every key of them; `docs/config.md` says the same for users."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

__all__ = ["AuditTable", "Config", "DataTable", "FeatureTable", "GateTable", "ModelTable", "TrainTable"]

_STRICT = ConfigDict(extra="forbid", strict=True)

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(min_length=1)]
Numbers = Annotated[tuple[float, ...], Field(min_length=1)]


@dataclass(frozen=True, config=_STRICT)
class ModelTable:
    """`[model]`: arguments of `load_model`."""

    source: Text
    weights: Text | None = None
    mean: Numbers | None = None
    std: Numbers | None = None
    outputs: Literal["auto", "logits", "probabilities", "logit", "labels"] = "auto"
    device: Text | None = None
    allow_unsafe: Text | None = None
    engagement: Text | None = None
    json_fields: Text | None = None


@dataclass(frozen=True, config=_STRICT)
class DataTable:
    """`[data]`: arguments of `load_data`, and which of the samples to take."""

    source: Text
    classes: Text | None = None
    resize: Count | None = None
    crop: Count | None = None
    labels: Text | None = None
    sample: Count | None = None
    limit: Count | None = None


@dataclass(frozen=True, config=_STRICT)
class FeatureTable:
    """`[features.NAME]`: what a column of a table may become; with `one_hot`, those of one category."""

    range: tuple[float, float] | None = None
    step: Annotated[float, Field(gt=0)] | None = None
    scale: Annotated[float, Field(gt=0)] | None = None
    mutable: bool = True
    one_hot: Annotated[tuple[Text, ...], Field(min_length=2)] | None = None


@dataclass(frozen=True, config=_STRICT)
class GateTable:
    """`[audit.gate]`: what the run before it is held against."""

    min_robust_accuracy: Share | None = None
    min_class_accuracy: Share | None = None
    max_drop: Annotated[float, Field(ge=0, lt=1)] | None = None
    baseline: Text | None = None
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    eps: Text | Annotated[float, Field(gt=0)] | None = None
    allow: Literal["inconclusive"] | None = None


@dataclass(frozen=True, config=_STRICT)
class AuditTable:
    """`[[audit]]`: one run; several share one exit code, the worst."""

    threat: Text
    suite: Text = "fast"
    queries: Count | None = None
    surrogate: Text | None = None
    seed: int = 0
    batch: Count = 64
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    execution: Literal["auto", "plain"] = "auto"
    gate: GateTable | None = None


@dataclass(frozen=True, config=_STRICT)
class TrainTable:
    """`[train]`: options of `sparring train`; what is left out is their default."""

    data: Text | None = None
    test: Text | None = None
    extra: Text | None = None
    threat: Text | None = None
    objective: Literal["pgd", "trades", "mart", "n-fgsm", "fgsm-rs", "plain"] | None = None
    epochs: Count | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None
    steps: Count | None = None
    awp: Annotated[float, Field(gt=0)] | None = None
    warm_up: Share | None = None
    optimiser: Literal["adam", "sgd"] | None = None
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    minibatch: Count | None = None
    averaging: Annotated[float, Field(gt=0, lt=1)] | None = None
    patience: Count | None = None
    shift: Annotated[int, Field(ge=0)] | None = None
    mirror: bool | None = None
    held_out: Count | None = None
    suite: Text | None = None
    batch: Count | None = None
    precision: Literal["float32", "bfloat16"] | None = None
    channels_last: bool | None = None
    seed: int | None = None


@dataclass(frozen=True, config=_STRICT)
class Config:
    """A whole `sparring.toml`."""

    schema: Literal[1]
    model: ModelTable
    data: DataTable
    audit: Annotated[tuple[AuditTable, ...], Field(min_length=1)]
    train: TrainTable | None = None
    features: dict[str, FeatureTable] | None = None
