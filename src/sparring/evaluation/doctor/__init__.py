"""The doctor: what to know of a model and its data before anything is spent on attacks."""

from sparring.evaluation.doctor.check import Check
from sparring.evaluation.doctor.examining import MOST, examine, foresee

__all__ = ["MOST", "Check", "examine", "foresee"]
