"""Surrogates as `--surrogate` states them: where they are, and what their inputs and classes are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sparring.cli.jobs import loaded_surrogate

if TYPE_CHECKING:
    from sparring.data import Samples
    from sparring.models import Model

__all__ = ["stated_surrogate"]


def stated_surrogate(words: str, device: str | None, samples: Samples) -> Model:
    """A surrogate from `source[,weights][,size=299][,scale=255][,classes=theirs.txt]`.

    Raises:
        UsageError: What is stated about it is not understood.
    """
    from sparring.errors import UsageError
    from sparring.transfer import mapped

    parts = words.split(",")
    stated = dict(each.split("=", 1) for each in parts if "=" in each)
    model = loaded_surrogate(",".join(each for each in parts if "=" not in each), device)
    if not stated:
        return model
    for name in stated.keys() - {"size", "scale", "classes"}:
        raise UsageError(f"--surrogate knows no {name!r}; it may state size=, scale= and classes=")
    try:
        size = int(stated["size"]) if "size" in stated else None
        scale = float(stated.get("scale", 1))
    except ValueError:
        raise UsageError(
            f"size is in whole pixels and scale a number, but --surrogate says {words!r}"
        ) from None
    order = _order(samples, stated["classes"]) if "classes" in stated else None
    return mapped(model, size=size, scale=scale, order=order)


def _order(samples: Samples, listed: str) -> list[int]:
    """The samples' classes among those of a file with a name per line, in the surrogate's order."""
    from sparring.errors import UsageError
    from sparring.transfer import class_order

    if samples.classes is None:
        raise UsageError(
            "the samples' classes have no names to find among the surrogate's; give them by --classes"
        )
    if not Path(listed).is_file():
        raise UsageError(f"there is no file of class names {listed!r}")
    lines = Path(listed).read_text("utf-8").splitlines()
    return class_order(samples.classes, [line.strip() for line in lines if line.strip()])
