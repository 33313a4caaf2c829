"""Poisons stay within their bound and bring the features where they should be."""

import pytest
import torch
from torch import nn

from sparring.domain import Domain
from sparring.poison import bullseye, collide, collision
from tests.poison.toy import toy


@pytest.fixture
def setting():
    torch.manual_seed(0)
    samples = toy(60)
    features = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.ReLU()).requires_grad_(False)
    bases = samples.inputs[samples.labels == 1][:4]
    chosen = samples.inputs[samples.labels == 2][0]
    return features, bases, chosen, samples.domain


@pytest.mark.parametrize("reach", [bullseye, collision])
def test_poisons_come_near_within_eps_and_on_the_grid(setting, reach):
    features, bases, chosen, domain = setting
    poisons = collide(features, bases, chosen, domain, 0.1, reach)
    assert (poisons - bases).abs().max() <= 0.1 + 1e-6
    assert torch.allclose(poisons * 255, (poisons * 255).round(), atol=1e-3)
    aim = features(chosen[None])[0]
    before, after = (float(reach(features(each), aim)) for each in (bases, poisons))
    assert after < 0.75 * before


def test_the_mean_is_nearer_where_the_mean_was_asked_for(setting):
    features, bases, chosen, domain = setting
    aim = features(chosen[None])[0]
    means = [
        float(bullseye(features(collide(features, bases, chosen, domain, 0.1, reach)), aim))
        for reach in (bullseye, collision)
    ]
    assert means[0] <= means[1] + 1e-6


def test_a_head_that_learns_the_poisons_takes_the_chosen_sample_for_their_class():
    """Features of two numbers, a head that goes by the nearest mean: poisons drag the mean over."""
    features = nn.Identity()
    bases, chosen = torch.zeros(3, 2) + 0.2, torch.tensor([0.9, 0.9])
    poisons = collide(features, bases, chosen, Domain(0.0, 1.0, None, (2,)), 0.5)
    torch.testing.assert_close(poisons, torch.full((3, 2), 0.7), atol=1e-4, rtol=0)
