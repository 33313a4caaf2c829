"""Data that are in Python already: a pair of arrays or tensors, a Dataset, a DataLoader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from sparring.data.features import Features
from sparring.data.layout import as_given
from sparring.data.pack import pack
from sparring.data.samples import Samples
from sparring.domain import Domain
from sparring.errors import DataError

__all__ = ["from_python"]


def from_python(
    data: Any,
    *,
    source: str = "memory",
    classes: Sequence[str] | None = None,
    domain: Domain | None = None,
    features: Features | None = None,
) -> Samples:
    """Make Samples of `(inputs, labels)`, a `Dataset` or a `DataLoader`; Samples are returned as they are.

    A Dataset gives `(input, label, ...)` per item, a DataLoader `(inputs, labels, ...)` per batch; both are
    read once, from first to last.

    Raises:
        DataError: If it is none of these, or what it gives cannot be used.
    """
    if isinstance(data, Samples):
        return data
    names = getattr(data[0], "columns", None) if isinstance(data, tuple | list) and len(data) == 2 else None
    if classes is None:
        classes = getattr(getattr(data, "dataset", data), "classes", None)
    if isinstance(data, tuple | list) and len(data) == 2 and not isinstance(data[0], tuple):
        inputs, labels = _array(data[0]), _array(data[1])
    elif isinstance(data, DataLoader):
        inputs, labels = _joined(data, np.concatenate, source)
    elif (
        hasattr(data, "__getitem__")
        and hasattr(data, "__len__")
        and not isinstance(data, str | Tensor | np.ndarray)
    ):
        inputs, labels = _joined((data[i] for i in range(len(data))), np.stack, source)
    else:
        raise DataError(
            f"{source} is of type {type(data).__name__}; give (inputs, labels), a Dataset or a DataLoader"
        )
    return pack(
        inputs, labels, source=source, classes=classes, domain=domain, layout=as_given, features=features,
        names=None if names is None else [str(name) for name in names],
    )  # fmt: skip


def _joined(items: Iterable[Any], join: Any, source: str) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Put what a Dataset or a DataLoader gives into two arrays."""
    inputs, labels = [], []
    for item in items:
        if not isinstance(item, tuple | list) or len(item) < 2:
            raise DataError(f"items of {source} must be (input, label), got {type(item).__name__}")
        inputs.append(_array(item[0]))
        labels.append(_array(item[1]))
    shapes = {array.shape[1 if join is np.concatenate else 0 :] for array in inputs}
    if len(shapes) != 1:
        found = (
            "no samples"
            if not shapes
            else f"inputs of different shapes, {' and '.join(map(str, list(shapes)[:2]))}"
        )
        raise DataError(f"{source} gives {found}; give inputs of one shape")
    return join(inputs), join(labels)


def _array(values: Any) -> NDArray[np.generic]:
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype in (torch.bfloat16, torch.float16) else values).numpy()
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(
            f"inputs and labels must be arrays of numbers, got rows of different lengths: {error}"
        ) from error
