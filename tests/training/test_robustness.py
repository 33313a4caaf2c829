"""What adversarial training is for: a problem with one strong feature and many weak ones, all of them useful.

Plain training uses the weak ones, which an attacker can turn round; the strong one survives any change of eps.
"""

from functools import cache

import pytest
import torch
from torch import nn

import sparring
from sparring.attacks import PGD
from sparring.models.normalised import Normalised
from sparring.threat import Linf
from sparring.training import (
    SGD,
    Recipe,
    Under,
    fgsm_rs,
    fit,
    mart,
    n_fgsm,
    pgd_at,
    plain,
    trades,
    with_awp,
)

THREAT = Linf(0.1)


@cache
def samples():
    generator = torch.Generator().manual_seed(4)
    labels = torch.arange(400) % 2
    sign = 2.0 * labels[:, None] - 1
    strong = 0.5 + 0.2 * sign * (torch.rand(400, 1, generator=generator) < 0.97)
    weak = 0.5 + 0.04 * sign + 0.05 * torch.randn(400, 30, generator=generator)
    return sparring.load_data((torch.cat([strong, weak], 1).clamp(0, 1), labels))


def model():
    torch.manual_seed(0)
    return nn.Sequential(Normalised(0.5, 0.1), nn.Linear(31, 2))


def measured(objective):
    """Clean and robust accuracy after training."""
    recipe = Recipe(
        epochs=20, minibatch=50, objective=objective, optimiser=SGD(0.03), measure=Under(THREAT, PGD(10))
    )
    return fit(model(), samples(), recipe, validation=samples()).curve[-1]


def test_plain_training_leaves_nothing():
    after = measured(plain)
    assert after.clean > 0.99 and after.robust < 0.3


@pytest.mark.parametrize(
    "objective",
    [
        pgd_at(THREAT, PGD(3)),
        pgd_at(THREAT, PGD(3), warm_up=0.5),
        trades(THREAT, weight=1.0, steps=3),
        mart(THREAT, attack=PGD(3)),
        n_fgsm(THREAT),
        fgsm_rs(THREAT),
        with_awp(pgd_at(THREAT, PGD(3))),
    ],
    ids=["pgd", "warm-up", "trades", "mart", "n-fgsm", "fgsm-rs", "awp"],
)
def test_adversarial_training_finds_the_feature_that_lasts(objective):
    after = measured(objective)
    assert after.robust > 0.9
