"""What an attacker may do (threats) and wants (goals)."""

from sparring.threat.box import Box
from sparring.threat.contract import Threat
from sparring.threat.goals import Crosses, Goal, Targeted, Untargeted
from sparring.threat.grid import Grid
from sparring.threat.l0 import L0
from sparring.threat.l1 import L1
from sparring.threat.l2 import L2
from sparring.threat.linf import Linf
from sparring.threat.parse import parse_size, parse_threat, threat_text, threat_words
from sparring.threat.smallest import is_smallest, threat_kind

__all__ = [
    "L0",
    "L1",
    "L2",
    "Box",
    "Crosses",
    "Goal",
    "Grid",
    "Linf",
    "Targeted",
    "Threat",
    "Untargeted",
    "is_smallest",
    "parse_size",
    "parse_threat",
    "threat_kind",
    "threat_text",
    "threat_words",
]
