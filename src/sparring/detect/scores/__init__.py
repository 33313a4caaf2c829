"""Scores: one number per input, higher where it looks less like the clean inputs that the score was fitted on."""

from sparring.detect.scores.contract import Fitted, Score
from sparring.detect.scores.energy import Energy
from sparring.detect.scores.mahalanobis import Mahalanobis

__all__ = ["SCORES", "Energy", "Fitted", "Mahalanobis", "Score"]

SCORES: dict[str, type[Score]] = {"energy": Energy, "mahalanobis": Mahalanobis}
"""By the names that commands and files have for them."""
