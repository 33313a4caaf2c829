"""Training with the channel: a share of the samples is printed and photographed, each by its own draw."""

import torch
from torch import nn

import sparring
from sparring.draws import Draws, row_keys
from sparring.physical import OnPaper, load_scenario
from sparring.training import Recipe, fit
from tests.physical.small import SIZE, pictures

PLACE = load_scenario("scanner")


def draws_of(count, seed=0):
    return Draws(row_keys(seed, [str(row) for row in range(count)], "augment"))


def test_a_share_is_photographed_and_the_rest_kept():
    inputs, _ = pictures(40)
    changed = (OnPaper(PLACE, 48, 0.5)(inputs, draws_of(40)) != inputs).flatten(1).any(1)
    assert 8 <= changed.sum() <= 32
    assert torch.equal(OnPaper(PLACE, 48, 0.0)(inputs, draws_of(40)), inputs)


def test_a_sample_looks_the_same_in_any_company_and_never_twice_alike():
    inputs, _ = pictures(3)
    everywhere = OnPaper(PLACE, 48, 1.0)
    together, keys = everywhere(inputs, draws_of(3)), draws_of(3).keys
    assert torch.allclose(everywhere(inputs[1:2], Draws(keys[1:2])), together[1:2], atol=1e-5)
    again = everywhere(inputs, draws_of(3, seed=1))
    assert not torch.allclose(again, together, atol=0.02)
    assert (together - inputs).abs().mean() < 0.15  # it is still the same picture


def test_a_net_learns_from_it():
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 3))
    samples = sparring.load_data(pictures(12))
    fitted = fit(net, samples, Recipe(epochs=1, minibatch=6, augment=OnPaper(PLACE, 48)))
    assert not torch.equal(fitted.model[1].weight, net[1].weight)
