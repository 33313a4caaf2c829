"""Arrays as they were stored, made into Samples: layout, scale, range, names.

Every loader ends here, so the rules below are the same for files, folders and Python objects.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sparring.data.features import Features, columns_of, domain_of
from sparring.data.ids import name_samples
from sparring.data.labels import check_labels
from sparring.data.layout import Array, Layout, channels_first
from sparring.data.samples import Samples
from sparring.domain import GREY_LEVEL, Domain
from sparring.errors import DataError

__all__ = ["pack"]


def pack(
    stored: Array,
    labels: Array,
    *,
    source: str,
    classes: Sequence[str] | None = None,
    domain: Domain | None = None,
    notes: tuple[str, ...] = (),
    layout: Layout = channels_first,
    features: Features | None = None,
    names: Sequence[str] | None = None,
) -> Samples:
    """Make Samples of stored inputs (N, ...) and labels (N,).

    Images become channels first in [0, 1], as `layout` decides; 8-bit ones keep their step. Other inputs
    keep their values, and their range is the one that is observed unless `domain` says it. Rows of a table whose
    `features` are said are kept in units of scale, in float64; `names` are those of its columns.

    Raises:
        DataError: If inputs or labels cannot be used; the sentence says why and what to do.
    """
    _check_stored(stored, source)
    known = None if classes is None else tuple(classes)
    checked = check_labels(labels, len(stored), known)
    ids = name_samples(stored)
    arranged, layout_notes = layout(stored) if domain is None else (stored, ())
    inputs = _as_floats(arranged)
    _check_finite(inputs)
    if features is not None:
        inputs, domain = _in_scales(inputs, features, names)
    domain, domain_notes = _observe(inputs, stored.dtype) if domain is None else (domain, ())
    _check_inside(inputs, domain)
    return Samples(
        inputs=inputs,
        labels=checked,
        ids=ids,
        index=torch.arange(len(ids)),
        domain=domain,
        classes=known,
        notes=(*notes, *layout_notes, *domain_notes),
        source=source,
        names=None if names is None else tuple(names),
    )


def _check_stored(stored: Array, source: str) -> None:
    if stored.dtype.kind not in "fiub":
        raise DataError(f"inputs of {source} are of type {stored.dtype}; give numbers")
    if len(stored.shape) < 2:
        raise DataError(f"inputs of {source} have shape {stored.shape}; give one row per sample: (N, ...)")
    if stored.size == 0:
        raise DataError(f"{source} holds no samples: its inputs have shape {stored.shape}")


def _as_floats(stored: Array) -> Tensor:
    """Convert to float32 with one copy at most; 8-bit images are divided by 255."""
    if stored.dtype == np.uint8 and stored.ndim == 4:
        scaled = torch.from_numpy(np.ascontiguousarray(stored)).to(torch.float32)
        return scaled.div_(255)
    return torch.from_numpy(np.ascontiguousarray(stored, dtype=np.float32))


def _in_scales(inputs: Tensor, features: Features, names: Sequence[str] | None) -> tuple[Tensor, Domain]:
    """Rows of a table in units of scale, and their domain."""
    if inputs.ndim != 2:
        raise DataError(
            f"[features] is for tables, but the samples have shape {tuple(inputs.shape[1:])}; leave it out"
        )
    columns = columns_of(features, names or [f"x{place}" for place in range(inputs.shape[1])], inputs)
    return columns.in_scales(inputs), domain_of(columns)


def _observe(inputs: Tensor, dtype: np.dtype[np.generic]) -> tuple[Domain, tuple[str, ...]]:
    """Find the domain by looking."""
    shape = tuple(inputs.shape[1:])
    if inputs.ndim == 4:
        return _observe_images(inputs, shape, dtype)
    low, high = inputs.amin(0), inputs.amax(0)
    return Domain(low, high, None, shape, observed=True), (
        "the range of each coordinate is the one observed in these samples",
    )


def _observe_images(
    inputs: Tensor, shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> tuple[Domain, tuple[str, ...]]:
    if dtype == np.uint8:
        return Domain(0.0, 1.0, GREY_LEVEL, shape), ()
    low, high = float(inputs.amin()), float(inputs.amax())
    if low < 0 or high > 1:
        raise DataError(_range_fault(low, high))
    if _on_grey_levels(inputs):
        return Domain(0.0, 1.0, GREY_LEVEL, shape), (
            "all values are grey levels k/255: taken as 8-bit images",
        )
    return Domain(0.0, 1.0, None, shape), ()


def _range_fault(low: float, high: float) -> str:
    found = f"images must lie in [0, 1], got values from {low:.4g} to {high:.4g}"
    if low >= 0 and 2 < high <= 255:
        return f"{found}, which look like grey levels: store them as uint8 or divide by 255"
    return f"{found}; undo the normalisation and give mean and std to the model instead"


def _on_grey_levels(inputs: Tensor) -> bool:
    """Whether all values are k/255 up to rounding; the first sample answers for most other data."""
    return all(
        bool(((chunk * 255).round_().div_(255) - chunk).abs_().amax() < 1e-6)
        for chunk in (inputs[:1], *inputs.split(1024))
    )


def _check_finite(inputs: Tensor) -> None:
    if inputs.sum(dtype=torch.float64).isfinite():  # float32 terms cannot overflow it: all are finite
        return
    bad = ~inputs.flatten(1).isfinite().all(1)
    raise DataError(
        f"{int(bad.sum())} samples hold NaN or infinite inputs, the first is number {_first(bad)}"
    )


def _check_inside(inputs: Tensor, domain: Domain) -> None:
    if tuple(inputs.shape[1:]) != domain.shape:
        raise DataError(f"samples have shape {tuple(inputs.shape[1:])} but the domain says {domain.shape}")
    outside = ~domain.contains(inputs)
    if outside.any():
        count, first = int(outside.sum()), _first(outside)
        raise DataError(f"{count} samples lie outside the domain, the first is number {first}")


def _first(mask: Tensor) -> int:
    return int(mask.nonzero()[0])
