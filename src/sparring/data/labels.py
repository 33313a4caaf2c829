"""Labels: whole numbers from 0, one per sample; all else is refused in one sentence."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.errors import DataError

__all__ = ["check_labels"]


def check_labels(labels: NDArray[np.generic], count: int, classes: tuple[str, ...] | None) -> Tensor:
    """Turn the labels of `count` samples into (count,) int64.

    Raises:
        DataError: If they are not one whole number per sample, or outside the classes.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(_shape_fault(labels))
    if len(labels) != count:
        raise DataError(f"there are {count} inputs but {len(labels)} labels; give one label per input")
    if labels.dtype.kind not in "iu":
        raise DataError(_type_fault(labels))
    checked = torch.from_numpy(labels.astype(np.int64))
    if count and int(checked.min()) < 0:
        raise DataError(f"labels must start at 0, got {int(checked.min())}")
    if count and classes is not None and int(checked.max()) >= len(classes):
        raise DataError(f"labels go up to {int(checked.max())} but there are only {len(classes)} classes")
    return checked


def _shape_fault(labels: NDArray[np.generic]) -> str:
    if (
        labels.ndim == 2
        and labels.dtype.kind in "iufb"
        and bool(np.all(labels.astype(np.float64).sum(1) == 1))
    ):
        return f"labels of shape {labels.shape} look one-hot; give class numbers: labels.argmax(1)"
    return f"labels have shape {labels.shape}; give one class number per input, shape (N,)"


def _type_fault(labels: NDArray[np.generic]) -> str:
    if labels.dtype.kind == "f" and bool(np.all(labels == np.floor(labels))):
        return f"labels are {labels.dtype.name}; store them as integers: labels.astype('int64')"
    return f"labels are of type {labels.dtype}; give class numbers, integers from 0"
