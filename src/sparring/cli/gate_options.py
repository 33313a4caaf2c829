"""Gates on the command line: the options that `audit` and `gate` share, and how a verdict ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sparring.evaluation.gates import Gates

__all__ = [
    "Allow",
    "Allowed",
    "AtEps",
    "BaselinePath",
    "ExitZero",
    "Level",
    "MaxDrop",
    "MinClassAccuracy",
    "MinRobustAccuracy",
    "gates_of",
    "verdict_code",
    "worst",
]

_CODES = {"measured": 0, "pass": 0, "fail": 1, "inconclusive": 3, "invalid": 4, "incomplete": 5}
_BY_WEIGHT = (0, 3, 5, 4, 1)


class Allowed(StrEnum):
    """Verdicts that may end with 0 although they are no pass."""

    inconclusive = "inconclusive"


MinRobustAccuracy = Annotated[
    float | None, typer.Option(help="gate: the least robust accuracy, for example 0.45")
]
MinClassAccuracy = Annotated[
    float | None, typer.Option(help="gate: the least robust accuracy of every class")
]
MaxDrop = Annotated[
    float | None,
    typer.Option(help="gate: how far below the baseline robust accuracy may be, 0.02 for 2 points"),
]
AtEps = Annotated[
    str | None,
    typer.Option("--eps", help="gate: the size it is about, for runs under l2:min and the like: 0.5, 8/255"),
]
BaselinePath = Annotated[
    Path | None,
    typer.Option("--baseline", help="run folder, name, or baseline.json that --max-drop is measured against"),
]
Level = Annotated[float, typer.Option(help="how sure a pass or a fail must be")]
Allow = Annotated[Allowed | None, typer.Option(help="end with 0 also for this verdict")]
ExitZero = Annotated[
    bool,
    typer.Option("--exit-zero", help="end with 0 whatever the verdict, while a gate is being introduced"),
]


def verdict_code(verdict: str, allow: Allowed | None, exit_zero: bool) -> int:
    """The exit code of a verdict."""
    return 0 if exit_zero or verdict == allow else _CODES[verdict]


def worst(codes: Iterable[int]) -> int:
    """The exit code of several audits: a failed gate is certain, whatever became of the others.

    >>> worst([0, 3, 0]), worst([4, 1, 5])
    (3, 1)
    """
    return max(codes, key=_BY_WEIGHT.index)


def gates_of(options: Mapping[str, Any]) -> Gates:
    """The gates among the options of a command.

    Raises:
        UsageError: A demand can never be met, or makes no sense.
        ThreatError: The eps is no positive number.
    """
    from sparring.evaluation.gates import Gates
    from sparring.threat import parse_size

    names = ("min_robust_accuracy", "min_class_accuracy", "max_drop", "level")
    eps = options.get("eps")
    return Gates(**{name: options[name] for name in names}, eps=None if eps is None else parse_size(str(eps)))
