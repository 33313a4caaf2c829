"""Poisoning: attacks on training data, the audit of a data set, what it would miss, and remedies.

spec      what is planted            planting, sidecar, export   planted, with what takes it back
kinds     poisons by name            victim                      models trained on it, beside a control
scanning  pool -> evidence -> detectors -> prominence -> alarm -> suspects, reconstruction
inspection                           a model looked into, without its data
detection_power                      known poisons planted and scanned for
remedies                             what is left after each
"""

from sparring.poison.alarm import EVERYWHERE, Alarm, Peak
from sparring.poison.detection_power import Power, power
from sparring.poison.detectors import BASELINES, DETECTORS
from sparring.poison.evidence import Evidence
from sparring.poison.export import sidecar_of, write_poisoned, write_samples
from sparring.poison.inspection import Inspection, inspect
from sparring.poison.making.collisions import bullseye, collide, collision
from sparring.poison.making.consistent_labels import label_consistent
from sparring.poison.making.flips import margin_flips, worst_flips
from sparring.poison.making.gradient_matching import gradient_matched
from sparring.poison.making.hinge_flips import worst_hinge_flips
from sparring.poison.making.kinds import KINDS, drawn
from sparring.poison.making.planting import Provenance, plant, triggered, undo
from sparring.poison.making.relabelling import CleanLabel, FromTo, LabelsKept, NextClass, ToOne
from sparring.poison.making.spec import PoisonSpec, unchanged
from sparring.poison.making.triggers import Stamp, Warp, Wave, blend, patch, warp
from sparring.poison.making.unlearnable import error_minimising
from sparring.poison.making.victim import Answers, Share, Trial, rehearse
from sparring.poison.reconstruction import Reconstruction, reconstruct
from sparring.poison.remedies import REMEDIES, Remedied, repair
from sparring.poison.scanning import Scan, Settings, scan
from sparring.poison.sidecar import load_provenance, save_provenance
from sparring.poison.splitting import set_aside

__all__ = [
    "BASELINES",
    "DETECTORS",
    "EVERYWHERE",
    "KINDS",
    "REMEDIES",
    "Alarm",
    "Answers",
    "CleanLabel",
    "Evidence",
    "FromTo",
    "Inspection",
    "LabelsKept",
    "NextClass",
    "Peak",
    "PoisonSpec",
    "Power",
    "Provenance",
    "Reconstruction",
    "Remedied",
    "Scan",
    "Settings",
    "Share",
    "Stamp",
    "ToOne",
    "Trial",
    "Warp",
    "Wave",
    "blend",
    "bullseye",
    "collide",
    "collision",
    "drawn",
    "error_minimising",
    "gradient_matched",
    "inspect",
    "label_consistent",
    "load_provenance",
    "margin_flips",
    "patch",
    "plant",
    "power",
    "reconstruct",
    "rehearse",
    "repair",
    "save_provenance",
    "scan",
    "set_aside",
    "sidecar_of",
    "triggered",
    "unchanged",
    "undo",
    "warp",
    "worst_flips",
    "worst_hinge_flips",
    "write_poisoned",
    "write_samples",
]
