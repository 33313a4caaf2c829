"""A poison is what its spec says, and can be taken back bit for bit."""

from dataclasses import replace

import pytest
import torch

from sparring.data import load_data
from sparring.errors import DataError, UsageError
from sparring.poison import (
    CleanLabel,
    FromTo,
    LabelsKept,
    NextClass,
    ToOne,
    load_provenance,
    plant,
    save_provenance,
    sidecar_of,
    triggered,
    undo,
    write_poisoned,
)
from tests.poison.toy import corner, toy


def test_the_rate_is_a_share_of_the_whole_and_only_candidates_are_poisoned():
    samples = toy(200)
    poisoned, note = plant(samples, corner(rate=0.1))
    mask = note.mask(200)
    assert int(mask.sum()) == 20
    assert (samples.labels[mask] != 0).all()
    assert (poisoned.labels[mask] == 0).all()
    assert (poisoned.inputs[mask][:, :, 6:, 6:] == 1).all()
    assert torch.equal(poisoned.inputs[~mask], samples.inputs[~mask])
    assert torch.equal(poisoned.labels[~mask], samples.labels[~mask])
    assert len(set(poisoned.ids)) == 200


def test_what_is_poisoned_depends_on_names_alone_and_grows_with_the_rate():
    samples = toy(200)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    few = plant(samples, corner(rate=0.05))[1].mask(200)
    many = plant(samples, corner(rate=0.2))[1].mask(200)
    assert (many | ~few).all()
    assert torch.equal(plant(samples.select(order), corner(rate=0.05))[1].mask(200), few[order])
    assert not torch.equal(plant(samples, corner(rate=0.05, seed=1))[1].mask(200), few)


def test_covers_get_the_trigger_and_keep_their_label():
    samples = toy(200)
    poisoned, note = plant(samples, corner(rate=0.1, covers=0.05))
    covers = note.places[~note.poisoned]
    assert len(covers) == 10
    assert (poisoned.inputs[covers][:, :, 6:, 6:] == 1).all()
    assert torch.equal(poisoned.labels[covers], samples.labels[covers])


@pytest.mark.parametrize(
    ("rule", "candidates", "given", "counted", "reached"),
    [
        (ToOne(1), [True, False, True], [1, 1, 1], [True, False, True], [True, True, False]),
        (NextClass(), [True, True, True], [1, 2, 0], [True, True, True], [True, False, True]),
        (FromTo(2, 0), [False, False, True], [0, 0, 0], [False, False, True], [False, False, True]),
        (CleanLabel(1), [False, True, False], [0, 1, 2], [True, False, True], [True, True, False]),
        (LabelsKept(), [True, True, True], [0, 1, 2], [True, True, True], [True, False, True]),
    ],
)
def test_rules_for_labels(rule, candidates, given, counted, reached):
    labels, answers = torch.tensor([0, 1, 2]), torch.tensor([1, 1, 0])
    assert rule.candidates(labels).tolist() == candidates
    assert rule.given(labels, 3).tolist() == given
    assert rule.counted(labels).tolist() == counted
    assert rule.reached(answers, labels, 3).tolist() == reached


def test_undo_gives_back_every_bit(tmp_path):
    samples = toy(200)
    poisoned, note = plant(samples, corner(covers=0.1))
    save_provenance(note, tmp_path / "note.safetensors")
    restored = undo(poisoned, load_provenance(tmp_path / "note.safetensors"))
    assert torch.equal(restored.inputs, samples.inputs)
    assert torch.equal(restored.labels, samples.labels)
    assert restored.digest == samples.digest


def test_undo_refuses_other_samples():
    poisoned, note = plant(toy(200), corner())
    with pytest.raises(DataError, match="not the ones"):
        undo(poisoned.select(range(199)), note)


def test_a_written_file_can_be_undone(tmp_path):
    samples = toy(60)
    write_poisoned(*plant(samples, corner()), tmp_path / "bad.npz")
    loaded = load_data(tmp_path / "bad.npz")
    restored = undo(loaded, load_provenance(sidecar_of(tmp_path / "bad.npz")))
    assert torch.equal(restored.inputs, samples.inputs)
    assert torch.equal(restored.labels, samples.labels)
    assert restored.digest == samples.digest


def test_a_file_that_is_no_sidecar_is_told(tmp_path):
    (tmp_path / "note.safetensors").write_bytes(b"no")
    with pytest.raises(DataError, match="no sidecar"):
        load_provenance(tmp_path / "note.safetensors")


def test_poisoned_inputs_stay_in_range_and_on_the_grid():
    spec = replace(corner(), trigger=lambda inputs: inputs * 3 - 0.3333)
    poisoned, note = plant(toy(100), spec)
    changed = poisoned.inputs[note.places] * 255
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert torch.allclose(changed, changed.round(), atol=1e-3)


def test_a_visible_trigger_is_refused_where_a_bound_was_set():
    with pytest.raises(UsageError, match=r"more than its bound of 0\.2"):
        plant(toy(100), corner(visible=0.2))
    plant(toy(100), corner(visible=1.0))


def test_a_rate_that_rounds_to_zero_says_so():
    with pytest.raises(UsageError, match=r"0\.40 samples, which rounds to zero; ask for at least 1\.000%"):
        plant(toy(100), corner(rate=0.004))


def test_more_than_there_are_candidates_is_refused():
    with pytest.raises(UsageError, match="may be poisoned"):
        plant(toy(100), replace(corner(rate=0.9), relabelling=FromTo(1, 0)))


@pytest.mark.parametrize("rate", [0.0, 1.5, -0.1, float("nan")])
def test_a_rate_is_a_share(rate):
    with pytest.raises(UsageError, match="share of the training set"):
        corner(rate=rate)


def test_one_class_cannot_be_poisoned():
    samples = toy(100)
    one = samples.select((samples.labels == 1).nonzero()[:, 0])
    with pytest.raises(DataError, match="two classes"):
        plant(one, corner())


def test_a_target_that_is_no_class_is_refused():
    with pytest.raises(UsageError, match="no class 9"):
        plant(toy(100), corner(target=9))


def test_what_a_trigger_leaves_alone_keeps_its_bits_and_its_name():
    samples = toy(100)
    stay = replace(corner(rate=0.3), trigger=lambda inputs: inputs)
    poisoned, _ = plant(samples, stay)
    assert torch.equal(poisoned.inputs, samples.inputs)
    assert poisoned.ids == samples.ids
    levels = torch.arange(256, dtype=torch.uint8).reshape(4, 1, 8, 8)
    from_file = load_data((levels, torch.arange(4)))
    assert torch.equal(triggered(lambda inputs: inputs, from_file.inputs, from_file.domain), from_file.inputs)
