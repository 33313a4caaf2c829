"""`sparring.train`: make a model robust, keep what came of it, and hold samples back that can judge it."""

from sparring.hardening.named import OBJECTIVES, Named
from sparring.hardening.pace import enough_epochs
from sparring.hardening.run import Trained, train

__all__ = ["OBJECTIVES", "Named", "Trained", "enough_epochs", "train"]
