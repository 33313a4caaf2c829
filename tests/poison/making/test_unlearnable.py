"""Availability poison, and what takes it away."""

import numpy as np
import pytest
import torch

from sparring.data import load_data
from sparring.data.pack import pack
from sparring.errors import UsageError
from sparring.poison import drawn, error_minimising, plant, repair
from sparring.poison.making.victim import answers_of, trained
from sparring.poison.remedies import compressed
from sparring.poison.remedies.comparison import remedies_for
from sparring.training import Adam, Recipe, small_net
from tests.poison.toy import settings, toy

LONG = Recipe(epochs=10, minibatch=32, optimiser=Adam(learning_rate=5e-3))


def halves(count, seed=0):
    """Class 1 if either the left or the upper half is bright and not both: harder to learn than faint noise is."""
    random = np.random.default_rng(seed)
    left, upper = random.integers(0, 2, (2, count))
    images = random.integers(0, 60, (count, 1, 8, 8))
    images[left == 1, :, :, :4] += 110
    images[upper == 1, :, :4, :] += 80
    return pack(images.astype(np.uint8), left ^ upper, source="halves")


TEST = halves(200, seed=5)


@pytest.fixture(scope="module")
def harm():
    samples = halves(400)
    spec = error_minimising(samples, 1.0, eps=0.1, recipe=LONG)
    poisoned = plant(samples, spec)[0]
    return samples, spec, poisoned, trained(poisoned, small_net, LONG)


def test_what_is_learned_from_it_is_of_little_use(harm):
    samples, spec, poisoned, victim = harm
    assert torch.equal(poisoned.labels, samples.labels)
    assert 0.09 < (poisoned.inputs - samples.inputs).abs().max() <= 0.1 + 1 / 255
    assert answers_of(victim, poisoned, spec, 2).clean.value > 0.95
    assert answers_of(trained(samples, small_net, LONG), TEST, spec, 2).clean.value > 0.95
    found = answers_of(victim, TEST, spec, 2)
    assert found.clean.value < 0.85
    assert found.success.hits == found.clean.tried - found.clean.hits


def test_compression_gives_accuracy_back(harm):
    _, spec, poisoned, victim = harm
    cured = compressed(poisoned, halves(40, seed=7), recipe=LONG)
    found, before = (answers_of(model, TEST, spec, 2).clean.value for model in (cured, victim))
    assert found > before + 0.1


def test_tables_are_not_compressed():
    table = load_data((torch.rand(80, 5), torch.arange(80) % 2))
    assert remedies_for(table) == ["relabel", "remove", "i-bau", "fine-pruning"]
    assert remedies_for(toy(4))[-1] == "compress"
    with pytest.raises(UsageError, match="for tables there are relabel"):
        repair(table, table, table, drawn("flips", table, 0.1, 0, 0), ["compress"], settings())
