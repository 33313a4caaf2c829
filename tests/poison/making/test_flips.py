"""Flips by margin take the deepest, and the exact ones equal brute force."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from sparring.errors import DataError
from sparring.poison import margin_flips, plant, worst_flips, worst_hinge_flips
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


def _hinge_score(gram, reached, signs, cost):
    """A machine solved by descent along one weight of its dual after the other."""
    weights = np.zeros(len(signs))
    for _ in range(200):
        for row in range(len(signs)):
            slope = signs[row] * gram[row] @ (weights * signs) - 1
            weights[row] = np.clip(weights[row] - slope / gram[row, row], 0, cost)
    return float(reached @ (weights * signs))


@pytest.mark.parametrize(("seed", "count", "cost"), [(0, 1, 1.0), (1, 2, 1.0), (2, 2, 0.05), (3, 2, 0.3)])
def test_the_exact_flips_of_a_hinge_equal_brute_force(seed, count, cost):
    train, chosen = _two_classes(9, seed), toy(5, seed=seed + 50).inputs[0]
    flipped, after = worst_hinge_flips(train, chosen, count, cost)
    inputs = train.inputs.flatten(1).double().numpy()
    gram, reached = inputs @ inputs.T, inputs @ chosen.flatten().double().numpy()
    signs = 2.0 * train.labels.numpy() - 1
    side = 1 if _hinge_score(gram, reached, signs, cost) >= 0 else -1

    def flipping(rows):
        return side * _hinge_score(gram, reached, np.where(np.isin(np.arange(9), rows), -signs, signs), cost)

    tried = [flipping(rows) for size in range(count + 1) for rows in combinations(range(9), size)]
    assert side * after == pytest.approx(min(tried), abs=1e-4)
    assert flipping(flipped.numpy()) == pytest.approx(min(tried), abs=1e-4)
    assert len(flipped) <= count


def test_a_hinge_too_large_to_prove_says_so():
    with pytest.raises(DataError, match="too short to prove which of 60 labels"):
        worst_hinge_flips(_two_classes(60, 0), toy(1).inputs[0], 20, seconds=0.01)


@pytest.mark.parametrize("flips", [worst_flips, worst_hinge_flips])
def test_more_classes_are_refused(flips):
    with pytest.raises(DataError, match="classes 0 and 1"):
        flips(toy(20), toy(1).inputs[0], 2)


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
