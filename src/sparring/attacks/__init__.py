"""Attacks, one file per paper; what several share is in `parts`.

To add one: its file, a line here, a row in the conformance table.
"""

from sparring.attacks import suites
from sparring.attacks.alma import ALMA
from sparring.attacks.apgd import APGD
from sparring.attacks.apgd_l1 import APGDL1
from sparring.attacks.averaged import Averaged
from sparring.attacks.best_of import BestOf
from sparring.attacks.boundary_walk import BoundaryWalk
from sparring.attacks.brendel_bethge import BrendelBethge
from sparring.attacks.carlini_wagner import CarliniWagner
from sparring.attacks.cgba import CGBA
from sparring.attacks.ddn import DDN
from sparring.attacks.deepfool import DeepFool
from sparring.attacks.estimated import Estimated
from sparring.attacks.fab import FAB
from sparring.attacks.fgsm import FGSM
from sparring.attacks.fmn import FMN
from sparring.attacks.geoda import GeoDA
from sparring.attacks.hlrf import HLRF
from sparring.attacks.hop_skip_jump import HopSkipJump
from sparring.attacks.mim import MIM
from sparring.attacks.nearer import Nearer
from sparring.attacks.nearest_class import NearestClass
from sparring.attacks.nes import NES
from sparring.attacks.parts.losses import (
    cross_entropy,
    difference_of_logits_ratio,
    margin,
    probability_margin,
)
from sparring.attacks.pdpgd import PDPGD
from sparring.attacks.pgd import PGD
from sparring.attacks.rays import RayS
from sparring.attacks.sigma_zero import SigmaZero
from sparring.attacks.sign_opt import SignOPT
from sparring.attacks.simba import SimBA
from sparring.attacks.sparse_rs import SparseRS
from sparring.attacks.square import Square
from sparring.attacks.square_l2 import SquareL1, SquareL2
from sparring.attacks.super_deepfool import SuperDeepFool
from sparring.attacks.surfree import SurFree
from sparring.attacks.triangle import Triangle

__all__ = [
    "ALMA",
    "APGD",
    "APGDL1",
    "CGBA",
    "DDN",
    "FAB",
    "FGSM",
    "FMN",
    "HLRF",
    "MIM",
    "NES",
    "PDPGD",
    "PGD",
    "Averaged",
    "BestOf",
    "BoundaryWalk",
    "BrendelBethge",
    "CarliniWagner",
    "DeepFool",
    "Estimated",
    "GeoDA",
    "HopSkipJump",
    "Nearer",
    "NearestClass",
    "RayS",
    "SigmaZero",
    "SignOPT",
    "SimBA",
    "SparseRS",
    "Square",
    "SquareL1",
    "SquareL2",
    "SuperDeepFool",
    "SurFree",
    "Triangle",
    "cross_entropy",
    "difference_of_logits_ratio",
    "margin",
    "probability_margin",
    "suites",
]
