"""Remedies: each makes a model with less of a backdoor, from what the victim has."""

from sparring.poison.repair.fine_pruning import fine_prune
from sparring.poison.repair.relabel import relabelled
from sparring.poison.repair.removal import without
from sparring.poison.repair.table import REMEDIES, Remedied, repair

__all__ = ["REMEDIES", "Remedied", "fine_prune", "relabelled", "repair", "without"]
