"""Measuring adversarial examples again, by means of its own."""

from sparring.verify.remeasure import Verified, verified

__all__ = ["Verified", "verified"]
