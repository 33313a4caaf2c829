"""Certified training: how many samples must be added or taken away before an answer can change."""

from sparring.poison.certified.aggregation import Certified, plurality, run_off
from sparring.poison.certified.ensemble import Aggregate, Learner, certify, partitions, ridge, spreading

__all__ = [
    "Aggregate",
    "Certified",
    "Learner",
    "certify",
    "partitions",
    "plurality",
    "ridge",
    "run_off",
    "spreading",
]
