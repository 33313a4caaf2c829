"""Are the inputs what they seem? Range and grid."""

from __future__ import annotations

from sparring.data import Samples
from sparring.domain import GREY_LEVEL
from sparring.evaluation.doctor.check import Check, many
from sparring.threat import Threat

__all__ = ["check_grid", "check_range"]

DARK = 0.1
"""Real images, hundreds of them, have at least one value above this."""


def check_range(samples: Samples) -> Check:
    """Whether the values use the range that they have; images that were divided by 255 twice do not."""
    low, high, name = float(samples.inputs.amin()), float(samples.inputs.amax()), "input range"
    seen = f"values from {low:.4g} to {high:.4g}"
    if not samples.domain.is_image:
        return _not_images(samples, seen)
    if low == high:
        return Check(
            name, "error", f"every value is {low:.4g}", len(samples), "check how the inputs were saved"
        )
    if high <= 2 * GREY_LEVEL:
        fix = "multiply the inputs by 255, or save them as uint8 before anything divides them"
        return Check(name, "error", f"{seen} in images of [0, 1]: divided by 255 twice", len(samples), fix)
    if high < DARK:
        fix = "check how the inputs were scaled: images are [0, 1], or uint8"
        return Check(name, "warning", f"{seen} in images of [0, 1]: almost black", len(samples), fix)
    return Check(name, "ok", f"{seen} in images of [0, 1]", len(samples))


def check_grid(samples: Samples, threat: Threat | None = None) -> Check:
    """Whether inputs are 8-bit images, and whether the threat makes sense for such."""
    name, step = "8-bit", samples.domain.step
    if not samples.domain.is_image:
        return Check(name, "ok", "no images, so nothing to round to", len(samples))
    if step is None:
        seen = "values between grey levels k/255, so robust_8bit is not measured"
        return Check(name, "note", seen, len(samples), "if images are stored with 8 bits, give them as uint8")
    if threat is not None and threat.norm == "linf" and isinstance(threat.eps, float) and threat.eps < step:
        seen = f"eps {threat.eps:.4g} is less than one grey level {step:.4g}: no stored image can change"
        return Check(name, "warning", seen, len(samples), "give eps in units of [0, 1], such as linf:8/255")
    return Check(name, "ok", "whole grey levels k/255", len(samples))


def _not_images(samples: Samples, seen: str) -> Check:
    """Coordinates with ranges of their own."""
    if samples.domain.columns is not None:
        free = int(samples.domain.columns.mutable.sum())
        return Check(
            "input range",
            "ok",
            f"{many(free, 'column')} of {samples.domain.shape[0]:,} can change",
            len(samples),
        )
    if not samples.domain.observed or not samples.domain.is_table:
        return Check("input range", "note", f"{seen}, no images: the range is the one observed", len(samples))
    constant = int((samples.inputs.amax(0) == samples.inputs.amin(0)).sum())
    still = f", {many(constant, 'column')} constant" if constant else ""
    fix = "write [features] into sparring.toml, as sparring init proposes it"
    return Check(
        "input range", "warning", f"{seen}{still}; invalid: table data need [features]", len(samples), fix
    )
