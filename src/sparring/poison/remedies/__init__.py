"""Remedies: each makes a model with less of a backdoor, from what the victim has."""

from sparring.poison.remedies.comparison import REMEDIES, Remedied, repair
from sparring.poison.remedies.fine_pruning import fine_prune
from sparring.poison.remedies.relabel import relabelled
from sparring.poison.remedies.removal import without

__all__ = ["REMEDIES", "Remedied", "fine_prune", "relabelled", "repair", "without"]
