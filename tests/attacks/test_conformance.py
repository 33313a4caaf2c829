"""One row per attack and threat; every law holds for every row."""

import pytest

from sparring.attacks import (
    APGD,
    APGDL1,
    FAB,
    FGSM,
    FMN,
    MIM,
    PGD,
    Square,
    SquareL1,
    SquareL2,
    difference_of_logits_ratio,
    margin,
)
from sparring.testing import LAWS, Case
from sparring.threat import L1, L2, Linf

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
    "apgd-l1": Case(APGDL1(40), L1_),
    "fab-linf": Case(FAB(10), LINF),
    "fab-l2": Case(FAB(10), L2_),
    "fab-l1": Case(FAB(20), L1_),
    "fmn-linf": Case(FMN(60), LINF),
    "fmn-l2": Case(FMN(60), L2_),
    "fmn-l1": Case(FMN(100), L1_),
    "square-linf": Case(Square(600), LINF),
    "square-l2": Case(SquareL2(600), L2_, reach=0.5),
    "square-l1": Case(SquareL1(600), L1_, reach=0.5),
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("row", TABLE)
def test_law(row, law):
    law(TABLE[row])
