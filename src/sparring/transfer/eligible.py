"""Who counts: models that tell the same classes apart, samples that both get right and that are not as is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from sparring.errors import DataError, ModelError, UsageError
from sparring.models import Model

__all__ = ["check_classes", "check_eligible", "group_name", "unlike"]


def group_name(group: Sequence[Model]) -> str:
    """Names of the surrogates, joined by `+`."""
    return "+".join(model.name for model in group)


def check_classes(clean: Mapping[int, Tensor], models: Mapping[int, Model]) -> None:
    """Refuse models that answer the clean samples with different numbers of classes; both by the same keys."""
    (first, scores), *rest = clean.items()
    for key, given in rest:
        if given.shape[1] != scores.shape[1]:
            raise ModelError(
                f"{models[first].name} answers with {scores.shape[1]} classes, {models[key].name} with "
                f"{given.shape[1]}; surrogates and targets must tell the same classes apart, in the same order; "
                "--surrogate net.pt2,classes=names.txt maps those of a surrogate"
            )


def unlike(wanted: Tensor | None, labels: Tensor, classes: int) -> Tensor:
    """Where another class than the label is wanted, `(N,)`; everywhere if none is."""
    if wanted is None:
        return torch.ones_like(labels, dtype=torch.bool)
    unknown = wanted[(wanted < 0) | (wanted >= classes)]
    if len(unknown):
        raise UsageError(
            f"class {int(unknown[0])} is wanted, but the models tell {classes} classes apart, 0 to {classes - 1}"
        )
    if bool((wanted == labels).all()):
        raise DataError("every sample is of the class that is wanted already; want another one")
    return wanted != labels


def check_eligible(eligible: Tensor, surrogates: str, target: str) -> None:
    """Refuse a pair that leaves no sample to count."""
    if not bool(eligible.any()):
        raise DataError(
            f"no sample is classified correctly by both {surrogates} and {target}; check that both use the "
            "same order of classes and the same range of inputs, or map them: --surrogate "
            "net.pt2,classes=names.txt,scale=255"
        )
