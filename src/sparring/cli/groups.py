"""Options in groups: a command names a group, and the command line has each of its options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from inspect import Parameter, signature
from typing import Any, get_type_hints

from sparring.cli.options import (
    AllowUnsafe,
    ClassNames,
    Crop,
    Device,
    EngagementPath,
    JsonFields,
    LabelKey,
    Mean,
    Outputs,
    Resize,
    Std,
    Weights,
)

__all__ = ["Address", "Opening", "Reading", "taking"]


@dataclass(frozen=True)
class Opening:
    """How a model is opened."""

    weights: Weights = None
    mean: Mean = None
    std: Std = None
    outputs: Outputs = "auto"
    device: Device = None
    allow_unsafe: AllowUnsafe = None


@dataclass(frozen=True)
class Reading:
    """How data are read."""

    classes: ClassNames = None
    resize: Resize = None
    crop: Crop = None
    labels: LabelKey = None


@dataclass(frozen=True)
class Address:
    """How a model behind an address is asked, and who allowed it."""

    engagement: EngagementPath = None
    json_fields: JsonFields = None


def taking(*groups: type) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """A command that takes the options of these groups, too; it finds them in `context.params`."""
    grouped = [
        Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name])
        for group in groups
        for hints in [get_type_hints(group, include_extras=True)]
        for field in fields(group)
    ]

    def with_groups(command: Callable[..., int]) -> Callable[..., int]:
        own = signature(command, eval_str=True)

        @wraps(command)
        def run(**given: Any) -> int:
            return command(**{name: given[name] for name in own.parameters})

        parameters = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in own.parameters.values()]
        vars(run)["__signature__"] = own.replace(parameters=[*parameters, *grouped])  # which Typer reads
        return run

    return with_groups
