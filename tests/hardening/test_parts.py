import pytest
import torch

import sparring
from sparring.errors import DataError, UsageError
from sparring.hardening.parts import divided


def samples_of(count, seed=0):
    inputs = torch.rand(count, 3, generator=torch.Generator().manual_seed(seed))
    return sparring.load_data((inputs, torch.arange(count) % 2))


def test_no_sample_is_in_two_parts_and_none_is_lost():
    samples = samples_of(100)
    parts = divided(samples, None, 15)
    ids = [set(each.ids) for each in (parts.learned, parts.held_out, parts.test)]
    assert [len(each) for each in ids] == [70, 15, 15] and set.union(*ids) == set(samples.ids)
    assert not parts.test.ordered and parts.held_out.ids == samples.sample(15).ids
    assert len(divided(samples, None, None).held_out) == 10


def test_a_test_of_ones_own_leaves_more_to_learn_from():
    parts = divided(samples_of(100), samples_of(30, seed=1), 15)
    assert [len(each) for each in (parts.learned, parts.held_out, parts.test)] == [85, 15, 30]


def test_what_cannot_be_divided():
    samples = samples_of(100)
    with pytest.raises(DataError, match="40 samples of the test are among those to learn from"):
        divided(samples, samples.limit(40), None)
    with pytest.raises(UsageError, match="of 100 samples, 120 cannot be held out"):
        divided(samples, None, 60)
    with pytest.raises(UsageError, match="of 5 samples, 0 cannot"):
        divided(samples_of(5), None, None)
