"""Which techniques an engagement allows; looked at before a sample is shown to the model."""

from __future__ import annotations

from collections.abc import Sequence

from sparring.attacks.suites import Stage
from sparring.engagement import Engagement
from sparring.errors import UsageError

__all__ = ["EVASION", "check_techniques"]

EVASION = "evasion"
"""The technique that stands for everything that changes inputs: all attacks of today."""


def check_techniques(engagement: Engagement, suite: str, stages: Sequence[Stage]) -> None:
    """Refuse attacks that an engagement does not allow.

    Args:
        engagement: Allows `evasion`, suites by name, and attacks by the name of stage or class.
        suite: Name of the suite.
        stages: Those that would run.

    Raises:
        UsageError: One of the stages is not allowed.
    """
    allowed = {technique.casefold() for technique in engagement.techniques}
    if allowed & {EVASION, suite.casefold()}:
        return
    for stage in stages:
        kind = type(stage.attack).__name__
        if not allowed & {stage.name.casefold(), kind.casefold()}:
            raise UsageError(
                f"the engagement {engagement.path.name} does not allow {stage.name} ({kind}) of the suite {suite}; its "
                f"techniques are {', '.join(engagement.techniques)}"
            )
