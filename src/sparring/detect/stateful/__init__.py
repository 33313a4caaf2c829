"""Stateful detection: who asks many nearly equal questions is probably searching for an adversarial example.

It looks at accounts over time instead of at single inputs, and promises nothing about rates.
"""

from sparring.detect.stateful.disguised import Disguised
from sparring.detect.stateful.fingerprints import Fingerprints
from sparring.detect.stateful.memory import opened_memory
from sparring.detect.stateful.pursuit import Pursued, pursued
from sparring.detect.stateful.watchman import Watchman

__all__ = ["Disguised", "Fingerprints", "Pursued", "Watchman", "opened_memory", "pursued"]
