"""How often an arm (the patch, or what it is compared with) had success at a level."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sparring.physical.runs.clustered import clustered_interval

__all__ = ["LEVELS", "Look", "Tally", "tallied"]

LEVELS = (
    "digital paste",
    "held-out draws of the channel",
    "parameters never trained on",
    "independent renderer",
    "simulated capture",
    "capture",
)
"""Level 0 to 5. Up to 4 everything is simulated; 5 is what came back from a real camera or scanner."""


@dataclass(frozen=True)
class Look:
    """One picture, seen once by the model.

    Attributes:
        level: From 0 to 5, see `LEVELS`.
        arm: What was on the picture.
        subject: Which object it shows.
        photo: Which photo it was in.
        answer: The class that came out.
        success: Whether that is what the attacker wants.
    """

    level: int
    arm: str
    subject: str
    photo: str
    answer: int
    success: bool


@dataclass(frozen=True)
class Tally:
    """Successes of one arm at one level, with an interval over photos and objects."""

    level: int
    arm: str
    successes: int
    looks: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.successes / self.looks


def tallied(looks: Iterable[Look]) -> tuple[Tally, ...]:
    """Looks by level and arm, in the order in which they first come."""
    groups: dict[tuple[int, str], list[Look]] = {}
    for look in looks:
        groups.setdefault((look.level, look.arm), []).append(look)
    found = []
    for (level, arm), group in groups.items():
        successes = [each.success for each in group]
        interval = clustered_interval(
            successes, [each.subject for each in group], [each.photo for each in group]
        )
        found.append(Tally(level, arm, sum(successes), len(group), interval.low, interval.high))
    return tuple(found)
