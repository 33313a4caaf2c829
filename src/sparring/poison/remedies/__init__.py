"""Remedies: each makes a model with less of a backdoor, from what the victim has."""

from sparring.poison.remedies.comparison import REMEDIES, Remedied, repair
from sparring.poison.remedies.compressing import compressed
from sparring.poison.remedies.fine_pruning import fine_prune
from sparring.poison.remedies.relabel import neighbourly, relabelled, relearned
from sparring.poison.remedies.removal import without
from sparring.poison.remedies.unlearning import Unlearning, i_bau

__all__ = [
    "REMEDIES",
    "Remedied",
    "Unlearning",
    "compressed",
    "fine_prune",
    "i_bau",
    "neighbourly",
    "relabelled",
    "relearned",
    "repair",
    "without",
]
