"""Measuring adversarial examples again, by means of its own."""

from sparring.verify.verify import Verified, verify

__all__ = ["Verified", "verify"]
