"""Scores: one number per input, higher where it looks less like the clean inputs that the score was fitted on."""

from sparring.detect.scores.contract import Fitted, Score
from sparring.detect.scores.energy import Energy
from sparring.detect.scores.mahalanobis import Mahalanobis
from sparring.detect.scores.neighbours import Dimension, Neighbours
from sparring.detect.scores.odds import NoiseOdds
from sparring.detect.scores.rebuilding import Rebuilding
from sparring.detect.scores.squeezing import Squeezing

__all__ = [
    "SCORES",
    "Dimension",
    "Energy",
    "Fitted",
    "Mahalanobis",
    "Neighbours",
    "NoiseOdds",
    "Rebuilding",
    "Score",
    "Squeezing",
]

SCORES: dict[str, type[Score]] = {
    "energy": Energy,
    "mahalanobis": Mahalanobis,
    "knn": Neighbours,
    "lid": Dimension,
    "squeezing": Squeezing,
    "odds": NoiseOdds,
    "reconstruction": Rebuilding,
}
"""By the names that commands and files have for them."""
