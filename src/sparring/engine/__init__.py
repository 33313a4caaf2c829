"""The engine: attacks propose, one engine asks the model and keeps the books."""

from sparring.engine.books import Findings
from sparring.engine.contract import (
    Ask,
    Attack,
    AttackLoss,
    Seen,
    State,
    Task,
    Want,
    gradient_at,
    labels_at,
    scores_at,
)
from sparring.engine.loop import Progress, search

__all__ = [
    "Ask",
    "Attack",
    "AttackLoss",
    "Findings",
    "Progress",
    "Seen",
    "State",
    "Task",
    "Want",
    "gradient_at",
    "labels_at",
    "scores_at",
    "search",
]
