"""One row per attack and threat; every law holds for every row."""

import pytest

from sparring.attacks import (
    ALMA,
    APGD,
    APGDL1,
    DDN,
    FAB,
    FGSM,
    FMN,
    HLRF,
    MIM,
    NES,
    PDPGD,
    PGD,
    Averaged,
    CarliniWagner,
    DeepFool,
    Estimated,
    HopSkipJump,
    Nearer,
    NearestClass,
    SigmaZero,
    SimBA,
    SparseRS,
    Square,
    SquareL1,
    SquareL2,
    SuperDeepFool,
    difference_of_logits_ratio,
    margin,
    probability_margin,
)
from sparring.attacks.starts import blocks, vertex
from sparring.testing import LAWS, Case
from sparring.threat import L0, L1, L2, Linf

LINF, L2_, L1_ = Linf(0.05), L2(0.2), L1(0.3)

TABLE = {
    "fgsm-linf": Case(FGSM(), LINF),
    "fgsm-l2": Case(FGSM(), L2_),
    "pgd-linf": Case(PGD(20), LINF),
    "pgd-l2": Case(PGD(20), L2_),
    "pgd-l1": Case(PGD(40), L1_),
    "mim-linf": Case(MIM(10), LINF),
    "mim-l2": Case(MIM(10), L2_),
    "apgd-ce-linf": Case(APGD(20), LINF),
    "apgd-dlr-linf": Case(APGD(20, difference_of_logits_ratio), LINF),
    "apgd-margin-l2": Case(APGD(20, margin), L2_),
    "apgd-pm-vertex-linf": Case(APGD(20, probability_margin, begin=vertex), LINF),
    "apgd-dlr-blocks-linf": Case(APGD(20, difference_of_logits_ratio, begin=blocks), LINF),
    "apgd-pm-blocks-l2": Case(APGD(20, probability_margin, begin=blocks), L2_),
    "apgd-l1-pm-vertex": Case(APGDL1(40, probability_margin, begin=vertex), L1_),
    "apgd-l1": Case(APGDL1(40), L1_),
    "fab-linf": Case(FAB(10), LINF),
    "fab-l2": Case(FAB(10), L2_),
    "fab-l1": Case(FAB(20), L1_),
    "averaged-linf": Case(Averaged(PGD(20), draws=4), LINF),
    "averaged-nearby-l2": Case(Averaged(APGD(20), draws=4, radius=0.1), L2_),
    "nearer-linf": Case(Nearer(PGD(20), share=0.95), LINF, reach=0.9),
    "deepfool-linf": Case(DeepFool(20), LINF),
    "deepfool-l2": Case(DeepFool(20), L2_),
    "deepfool-l1": Case(DeepFool(20), L1_),
    "super-deepfool": Case(SuperDeepFool(20), L2_),
    "ddn": Case(DDN(100), L2_),
    "alma-l2": Case(ALMA(200, loss=margin), L2_),
    "alma-l1": Case(ALMA(200, 0.5, 0.5, loss=margin), L1_, reach=0.5),
    "pdpgd-linf": Case(PDPGD(200), LINF),
    "pdpgd-l1": Case(PDPGD(200), L1_),
    "carlini-wagner": Case(CarliniWagner(6, 30), L2_),
    "sigma-zero": Case(SigmaZero(200), L0(3)),
    "nearest-fmn": Case(NearestClass(FMN(60), 2), L2_),
    "nearest-fab": Case(NearestClass(FAB(15), 2, 2), LINF),
    "nearest-deepfool": Case(NearestClass(DeepFool(10), 9, 2), L2_),
    "fmn-l0": Case(FMN(200), L0(3)),
    "fmn-linf": Case(FMN(60), LINF),
    "fmn-l2": Case(FMN(60), L2_),
    "fmn-l1": Case(FMN(100), L1_),
    "estimated-apgd-linf": Case(Estimated(APGD(12, margin), looks=16), LINF),
    "estimated-apgd-l1": Case(Estimated(APGDL1(20, margin), looks=16), L1_),
    "estimated-hlrf-l2": Case(Estimated(HLRF(12), looks=16, basis="values"), L2_),
    "hlrf-linf": Case(HLRF(20), LINF),
    "hlrf-l2": Case(HLRF(20), L2_),
    "hlrf-l1": Case(HLRF(20), L1_),
    "nes-linf": Case(NES(10, pairs=24), LINF, reach=0.5),
    "nes-l2": Case(NES(10, pairs=24), L2_, reach=0.5),
    "simba-values": Case(SimBA(80, 0.06), L2_, reach=0.5),
    "simba-waves": Case(SimBA(80, 0.06, basis="waves"), L2_, reach=0.5),
    "sparse-rs": Case(SparseRS(200), L0(3)),
    "square-linf": Case(Square(600), LINF),
    "square-l2": Case(SquareL2(600), L2_, reach=0.5),
    "square-l1": Case(SquareL1(600), L1_, reach=0.5),
    "hop-skip-jump-l2": Case(HopSkipJump(120, looks=12), L2_, reach=0.5),
    "hop-skip-jump-linf": Case(HopSkipJump(120, looks=12), LINF, reach=0.5),
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("row", TABLE)
def test_law(row, law):
    law(TABLE[row])
