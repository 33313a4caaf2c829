"""Arrays as they were stored, made into Samples: layout, scale, range, names.

Every loader ends here, so the rules below are the same for files, folders and Python objects.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from sparring.data.features import Features, columns_of, domain_of
from sparring.data.ids import name_samples
from sparring.data.kept import Kept, Stored
from sparring.data.labels import check_labels
from sparring.data.layout import Array, Layout, channels_first, unchanged
from sparring.data.samples import Samples
from sparring.domain import GREY_LEVEL, Domain
from sparring.errors import DataError

__all__ = ["pack"]


def pack(
    stored: Stored,
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
    """Make Samples of stored inputs (N, ...), an array or `InFile`, and labels (N,).

    Images become channels first in [0, 1], as `layout` decides; 8-bit ones keep their step. Other inputs
    keep their values, and their range is the one that is observed unless `domain` says it. Rows of a table whose
    `features` are said are kept in units of scale, in float64; `names` are those of its columns.

    Raises:
        DataError: If inputs or labels cannot be used; the sentence says why and what to do.
    """
    _check_stored(stored, source)
    known = None if classes is None else tuple(classes)
    checked = check_labels(labels, stored.shape[0], known)
    ids = name_samples(stored)
    arrange = layout if domain is None else unchanged
    first, layout_notes = arrange(stored[:1])
    inputs = Kept.of(stored, partial(_as_floats, arrange))
    if first.dtype == np.uint8 and first.ndim == 4 and domain is None and features is None:
        domain, domain_notes = Domain(0.0, 1.0, GREY_LEVEL, first.shape[1:]), tuple[str, ...]()
    else:
        _refuse(inputs, _not_finite, "hold NaN or infinite inputs")
        if features is not None:
            inputs, domain = _in_scales(inputs, features, names)
        domain, domain_notes = _observed(inputs) if domain is None else (domain, ())
        _check_inside(inputs, domain)
    return Samples(
        kept=inputs,
        labels=checked,
        ids=ids,
        index=torch.arange(len(ids)),
        domain=domain,
        classes=known,
        notes=(*notes, *layout_notes, *domain_notes),
        source=source,
        names=None if names is None else tuple(names),
    )


def _check_stored(stored: Stored, source: str) -> None:
    if stored.dtype.kind not in "fiub":
        raise DataError(f"inputs of {source} are of type {stored.dtype}; give numbers")
    if len(stored.shape) < 2:
        raise DataError(f"inputs of {source} have shape {stored.shape}; give one row per sample: (N, ...)")
    if not all(stored.shape):
        raise DataError(f"{source} holds no samples: its inputs have shape {stored.shape}")


def _as_floats(arrange: Layout, stored: Array) -> Tensor:
    """Convert to float32 with one copy at most; 8-bit images are divided by 255."""
    stored, _ = arrange(stored)
    if stored.dtype == np.uint8 and stored.ndim == 4:
        scaled = torch.from_numpy(np.ascontiguousarray(stored)).to(torch.float32)
        return scaled.div_(255)
    return torch.from_numpy(np.ascontiguousarray(stored, dtype=np.float32))


def _in_scales(inputs: Kept, features: Features, names: Sequence[str] | None) -> tuple[Kept, Domain]:
    """Rows of a table in units of scale, and their domain."""
    shape = tuple(inputs[:1].read().shape[1:])
    if len(shape) != 1:
        raise DataError(f"[features] is for tables, but the samples have shape {shape}; leave it out")
    columns = columns_of(features, names or [f"x{place}" for place in range(*shape)], inputs)
    return inputs.changed(columns.in_scales), domain_of(columns)


def _observed(inputs: Kept) -> tuple[Domain, tuple[str, ...]]:
    """Find the domain by looking."""
    low, high = inputs.span()
    shape = tuple(low.shape)
    if len(shape) != 3:
        note = "the range of each coordinate is the one observed in these samples"
        return Domain(low, high, None, shape, observed=True), (note,)
    if float(low.amin()) < 0 or float(high.amax()) > 1:
        raise DataError(_range_fault(float(low.amin()), float(high.amax())))
    if all(map(_on_grey_levels, inputs.parts())):
        note = "all values are grey levels k/255: taken as 8-bit images"
        return Domain(0.0, 1.0, GREY_LEVEL, shape), (note,)
    return Domain(0.0, 1.0, None, shape), ()


def _range_fault(low: float, high: float) -> str:
    found = f"images must lie in [0, 1], got values from {low:.4g} to {high:.4g}"
    if low >= 0 and 2 < high <= 255:
        return f"{found}, which look like grey levels: store them as uint8 or divide by 255"
    return f"{found}; undo the normalisation and give mean and std to the model instead"


def _on_grey_levels(inputs: Tensor) -> bool:
    """Whether all values are k/255 up to rounding."""
    return bool(((inputs * 255).round_().div_(255) - inputs).abs_().amax() < 1e-6)


def _check_inside(inputs: Kept, domain: Domain) -> None:
    shape = tuple(inputs[:1].read().shape[1:])
    if shape != domain.shape:
        raise DataError(f"samples have shape {shape} but the domain says {domain.shape}")
    _refuse(inputs, lambda part: ~domain.contains(part), "lie outside the domain")


def _not_finite(inputs: Tensor) -> Tensor:
    return ~inputs.flatten(1).isfinite().all(1)


def _refuse(inputs: Kept, at_fault: Callable[[Tensor], Tensor], fault: str) -> None:
    """Refuse samples if any of them is at fault; the sentence says how many are."""
    faulty = torch.cat([at_fault(part) for part in inputs.parts()])
    if faulty.any():
        raise DataError(
            f"{int(faulty.sum())} samples {fault}, the first is number {int(faulty.nonzero()[0])}"
        )
