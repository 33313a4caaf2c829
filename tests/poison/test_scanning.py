"""A scan: what it finds, what it leaves alone, and what it says when it cannot know."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from sparring.data import load_data
from sparring.errors import DataError, UsageError
from sparring.poison import PoisonSpec, ToOne, plant, scan, unchanged
from sparring.poison.detectors import label_errors
from sparring.poison.documents import scores_table
from sparring.poison.pool import pool_of
from sparring.poison.reconstruction import suspected_trigger
from tests.poison.toy import corner, settings, toy


@pytest.fixture(scope="module")
def poisoned():
    return plant(toy(400), corner(rate=0.06, target=1))


@pytest.fixture(scope="module")
def found(poisoned):
    return scan(poisoned[0], toy(300, seed=1), settings())


def test_poison_is_found_and_its_trigger_too(poisoned, found):
    assert found.verdict == "fail"
    assert found.raised[0].label == 1
    mask = poisoned[1].mask(400)
    assert mask[found.suspects].float().mean() > 0.8
    trigger = suspected_trigger(found)
    assert trigger.change[:, 6:, 6:].min() > 0.3
    assert trigger.change.abs().mean() < 0.1


def test_every_scanned_sample_has_a_row(poisoned, found):
    table = scores_table(found, poisoned[0])
    assert table["index"].to_pylist() == list(range(400))
    assert table["label"].to_pylist() == poisoned[0].labels.tolist()
    suspects = [index for index, each in zip(table["index"], table["suspect"], strict=True) if each.as_py()]
    assert {index.as_py() for index in suspects} == set(found.suspects.tolist())


def test_clean_data_pass():
    found = scan(toy(400), toy(300, seed=1), settings(find=0.2))
    assert (found.verdict, len(found.suspects)) == ("pass", 0)


def test_without_trusted_samples_there_is_a_ranking_and_no_alarm(poisoned):
    found = scan(poisoned[0], None, settings())
    assert (found.verdict, found.alarm) == ("measured", None)
    assert "no trusted samples" in found.reasons[0]
    assert len(scores_table(found, poisoned[0])) == 400


def test_too_few_trusted_samples_are_inconclusive():
    found = scan(toy(400), toy(20, seed=1), settings(find=0.01))
    assert found.verdict == "inconclusive"
    assert "give more trusted samples" in found.reasons[0]


def test_a_class_without_trusted_samples_is_inconclusive():
    trusted = toy(300, seed=1)
    found = scan(toy(400), trusted.select((trusted.labels != 2).nonzero()[:, 0]), settings())
    assert found.verdict == "inconclusive"
    assert "of each class" in found.reasons[0]


def test_a_given_model_is_asked_and_one_that_knows_nothing_is_told():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    with torch.no_grad():
        net[1].weight.zero_()
    found = scan(toy(200), toy(150, seed=1), settings(), model=net)
    assert any("hardly knows these data" in note for note in found.notes)


def test_a_model_that_learned_from_the_scanned_samples_alone_decides_nothing():
    samples = toy(200)
    wrong = replace(samples, labels=torch.randint(0, 4, (200,), generator=torch.Generator().manual_seed(0)))

    def knows_by_heart(inputs):
        places = [(wrong.inputs == each).flatten(1).all(1).nonzero() for each in inputs]
        found = torch.tensor([int(wrong.labels[place[0, 0]]) if len(place) else 0 for place in places])
        return nn.functional.one_hot(found, 4).float()

    quiet = settings(detectors={"label errors": label_errors})
    found = scan(wrong, toy(200, seed=1), quiet, model=knows_by_heart)
    assert found.verdict == "invalid"
    assert "learned from the first and not from the second" in found.reasons[0]


def test_who_is_trusted_too_counts_once():
    samples = toy(100)
    pool = pool_of(samples, samples.select(range(40)))
    assert (len(pool.samples), int(pool.trusted.sum()), pool.repeated) == (100, 40, 40)
    assert sorted(pool.places[~pool.trusted].tolist()) == list(range(40, 100))
    scanned = pool.samples.inputs[~pool.trusted]
    assert torch.equal(scanned, samples.inputs[pool.places[~pool.trusted]])


def test_a_trusted_sample_with_another_label_is_still_scanned():
    """A label flip of a sample that is known: names are equal, labels are not."""
    samples = toy(100)
    flips = PoisonSpec("flips", unchanged, ToOne(2), 0.5)
    flipped, note = plant(samples, flips)
    flipped_and_known = int((note.places < 40).sum())
    assert pool_of(flipped, samples.select(range(40))).repeated == 40 - flipped_and_known < 40


def test_the_pool_does_not_tell_trusted_samples_by_their_place():
    pool = pool_of(toy(300), toy(300, seed=1))
    halves = pool.trusted[:300].float().mean(), pool.trusted[300:].float().mean()
    assert all(0.4 < half < 0.6 for half in halves)


def test_copies_are_told():
    samples = toy(50)
    twice = [*range(50), *range(10)]
    doubled = load_data((samples.inputs[twice], samples.labels[twice]))
    assert any("10 samples are exact copies" in note for note in scan(doubled, None, settings()).notes)


def test_other_shapes_and_nothing_to_scan_are_refused():
    samples = toy(50)
    with pytest.raises(DataError, match="same kind"):
        scan(samples, load_data((torch.rand(20, 1, 9, 9), torch.arange(20) % 4)), settings())
    with pytest.raises(DataError, match="nothing to scan"):
        scan(samples, samples, settings())


def test_one_class_cannot_be_scanned():
    samples = toy(100)
    with pytest.raises(DataError, match="two classes"):
        scan(samples.select((samples.labels == 1).nonzero()[:, 0]), None, settings())


@pytest.mark.parametrize("wrong", [{"level": 0.0}, {"level": 0.001}, {"find": 0.0}])
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(UsageError):
        settings(**wrong)
