"""Certified training: how many samples must be added or taken away before an answer can change."""

from sparring.poison.certified.aggregation import Certified, plurality, run_off
from sparring.poison.certified.ensemble import Learner, certify, partitions, ridge

__all__ = ["Certified", "Learner", "certify", "partitions", "plurality", "ridge", "run_off"]
