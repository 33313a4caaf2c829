"""Kinds of poison that are more than a trigger and a target."""

import torch
from torch import nn

from sparring.poison import drawn, label_consistent, patch, plant, triggered
from tests.poison.toy import toy


def test_adaptive_poison_shows_half_of_the_trigger_and_as_many_covers():
    samples = toy(200)
    spec = drawn("adaptive-blend", samples, 0.2, 1, 3)
    poisoned, note = plant(samples, spec)
    assert int(note.poisoned.sum()) == int((~note.poisoned).sum()) == 40
    before = samples.inputs[note.places]
    whole = triggered(spec.trigger, before, samples.domain)
    shown = (poisoned.inputs[note.places] != before).float().mean() / (whole != before).float().mean()
    assert 0.4 < shown < 0.6
    covers = note.places[~note.poisoned]
    assert torch.equal(poisoned.labels[covers], samples.labels[covers])


def test_source_specific_poison_takes_one_class_only():
    samples = toy(200)
    poisoned, note = plant(samples, drawn("source-specific", samples, 0.1, 0, 3))
    mask = note.mask(200)
    assert set(samples.labels[mask].tolist()) == {1}
    assert set(poisoned.labels[mask].tolist()) == {0}


def test_clean_label_poison_changes_no_label():
    samples = toy(200)
    poisoned, note = plant(samples, drawn("clean-label", samples, 0.1, 2, 3))
    assert torch.equal(poisoned.labels, samples.labels)
    assert set(samples.labels[note.places].tolist()) == {2}


def test_label_consistent_poison_is_moved_away_from_its_class_within_eps():
    torch.manual_seed(0)
    samples, surrogate = toy(200), nn.Sequential(nn.Flatten(), nn.Linear(64, 4)).requires_grad_(False)
    corner = patch((1, 8, 8), torch.ones(1, 1), down=7, right=7)
    spec = label_consistent(samples, surrogate, corner, 1, 0.1, eps=0.1, steps=5)
    poisoned, note = plant(samples, spec)
    assert torch.equal(poisoned.labels, samples.labels)
    before, after = samples.inputs[note.places], poisoned.inputs[note.places]
    moved = (after - before).abs()[:, :, :7]
    assert 0.05 < moved.max() <= 0.1 + 1 / 255
    assert (after[:, 0, 7, 7] == 1).all()
    own = (surrogate(before) - surrogate(after))[:, 1]
    assert own.mean() > 0
