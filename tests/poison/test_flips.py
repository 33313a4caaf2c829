"""Flips by margin take the deepest, and the exact ones equal brute force."""

from dataclasses import replace
from itertools import combinations

import pytest
import torch

from sparring.errors import DataError
from sparring.poison import margin_flips, plant, worst_flips
from tests.poison.toy import toy


def _two_classes(count, seed):
    samples = toy(200, seed=seed)
    rows = (samples.labels < 2).nonzero()[:count, 0]
    return samples.select(rows)


def _score(train, labels, chosen, pull=1.0):
    """A least-squares machine solved the other way round, by its normal equations."""
    flat = train.inputs.flatten(1).double()
    signs = 2.0 * labels.double() - 1
    weights = torch.linalg.solve(flat.T @ flat + pull * torch.eye(flat.shape[1]).double(), flat.T @ signs)
    return float(chosen.flatten().double() @ weights)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [1, 3])
def test_the_exact_flips_equal_brute_force(seed, count):
    train = _two_classes(12, seed)
    chosen = toy(5, seed=seed + 50).inputs[0]
    flipped, after = worst_flips(train, chosen, count)
    side = 1 if _score(train, train.labels, chosen) >= 0 else -1
    tried = []
    for size in range(count + 1):
        for rows in combinations(range(12), size):
            labels = train.labels.clone()
            labels[list(rows)] = 1 - labels[list(rows)]
            tried.append(side * _score(train, labels, chosen))
    assert side * after == pytest.approx(min(tried), abs=1e-9)
    assert len(flipped) <= count


def test_more_classes_are_refused():
    with pytest.raises(DataError, match="classes 0 and 1"):
        worst_flips(toy(20), toy(1).inputs[0], 2)


def test_margin_flips_take_the_deepest_of_other_classes():
    samples = toy(100)
    depth = torch.arange(100).float()

    def model(inputs):
        """Scores the true class by the sample's place in the data, all others 0."""
        places = torch.tensor(
            [int((samples.inputs == each).flatten(1).all(1).nonzero()[0]) for each in inputs]
        )
        return torch.nn.functional.one_hot(samples.labels[places], 4) * depth[places, None]

    poisoned, note = plant(samples, margin_flips(model, 2, 0.1))
    others = (samples.labels != 2).nonzero()[:, 0]
    assert note.places.tolist() == others[-10:].tolist()
    assert (poisoned.labels[note.places] == 2).all()
    assert torch.equal(poisoned.inputs, samples.inputs)


def test_a_bounded_choice_still_nests():
    samples = toy(100)
    spec = margin_flips(lambda inputs: torch.zeros(len(inputs), 4), 2, 0.05)
    few, many = (set(plant(samples, replace(spec, rate=rate))[1].places.tolist()) for rate in (0.05, 0.2))
    assert few < many
