"""Victims, power and remedies, on a poison that works."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from sparring.data import load_data
from sparring.errors import DataError, UsageError
from sparring.poison import Share, power, rehearse, repair
from sparring.poison.relabelling import FromTo
from sparring.poison.remedies import fine_prune, relabelled, without
from sparring.poison.spec import PoisonSpec, unchanged
from sparring.poison.victim import answers_of, trained
from sparring.training import small_net
from tests.poison.toy import SHORT, corner, settings, toy


def test_a_victim_opens_and_its_control_does_not():
    trials, note = rehearse(toy(400), toy(200, seed=5), corner(rate=0.1), recipe=SHORT, seeds=(0, 1))
    assert [trial.seed for trial in trials] == [0, 1]
    assert int(note.poisoned.sum()) == 40
    for trial in trials:
        assert trial.victim.success.value > 0.9
        assert trial.control.success.value < 0.1
        assert trial.victim.clean.value > 0.95


def test_success_counts_samples_of_other_classes_only():
    test = toy(200, seed=5)
    answers = answers_of(lambda inputs: torch.eye(4)[torch.zeros(len(inputs)).long()], test, corner(), 4)
    others = int((test.labels != 0).sum())
    assert answers.success == Share(others, others)
    assert answers.clean == Share(200 - others, 200)


def test_test_samples_that_prove_nothing_are_refused():
    test = toy(100)
    spec = PoisonSpec("one", unchanged, FromTo(3, 0), 0.1)
    with pytest.raises(DataError, match="can show whether"):
        answers_of(trained(test, small_net, SHORT), test.select((test.labels == 1).nonzero()[:, 0]), spec, 4)


def test_power_counts_alarms_per_kind_and_rate_beside_a_control():
    found = power(toy(300), toy(250, seed=1), ["features"], [0.1], 2, settings())
    assert [(each.kind, each.rate, len(each.trials)) for each in found] == [
        ("control", 0.0, 2),
        ("features", 0.1, 2),
    ]
    assert found[1].caught == 2
    assert all(trial.found > 0.5 > trial.blamed for trial in found[1].trials)
    assert {trial.seed for trial in found[1].trials} == {0, 1}


def test_relabelling_puts_wrong_labels_right_and_leaves_right_ones():
    samples = toy(300)
    labels = samples.labels.clone()
    labels[:15] = (labels[:15] + 1) % 4
    righted = relabelled(replace(samples, labels=labels))
    assert len(righted) > 280
    assert set(range(12)) & set(righted.index.tolist())
    assert torch.equal(righted.labels, samples.labels[righted.index])


def test_relabelling_leaves_out_what_neighbours_half_agree_on():
    """Samples of class 0 among six or seven of class 1: too few to give them that label, too many to keep them."""
    inputs = torch.zeros(40, 1, 4, 4)
    inputs[:, 0, 0, 0] = torch.linspace(0.1, 0.11, 40)
    inputs[20:, 0, 0, 0] += 0.8
    labels = torch.zeros(40, dtype=torch.long)
    labels[20:] = torch.tensor([0, 0, 1, 1, 1]).repeat(4)
    kept = relabelled(load_data((inputs, labels)))
    assert kept.index[:20].tolist() == list(range(20))
    middle = set(range(25, 35)) & set(kept.index.tolist())
    assert middle == {27, 28, 29, 32, 33, 34}


def test_removal_takes_out_those_places():
    samples = toy(20)
    assert without(samples, torch.tensor([3, 7])).ids == tuple(
        name for place, name in enumerate(samples.ids) if place not in (3, 7)
    )


def test_fine_pruning_cuts_what_sleeps_on_trusted_samples():
    """A neuron that only the corner wakes opens the backdoor; trusted samples never wake it."""

    class Backdoored(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(5, 4, bias=False)
            self.last.weight.data = torch.cat([torch.eye(4), torch.tensor([[9.0], [0.0], [0.0], [0.0]])], 1)

        def forward(self, inputs):
            quarters = nn.functional.avg_pool2d(inputs, 4).flatten(1) * 10
            corner = (inputs[:, :, 7, 7] > 0.9).float() * 9
            return self.last(torch.cat([quarters, corner], 1))

    model, test = Backdoored(), toy(100, seed=2)
    before = model.last.weight.clone()
    assert answers_of(model, test, corner(), 4).success.value == 1
    repaired = answers_of(fine_prune(model, toy(60), pruned=0.2), test, corner(), 4)
    assert repaired.success.value < 0.2
    assert repaired.clean.value > 0.9
    assert torch.equal(model.last.weight, before)


def test_remedies_stand_beside_victim_and_control():
    tried = repair(toy(400), toy(200, seed=5), toy(300, seed=6), corner(rate=0.08), ["remove"], settings())
    found = {each.remedy: each.answers for each in tried}
    assert list(found) == ["control", "none", "remove"]
    assert found["none"].success.value > 0.9
    assert found["remove"].success.value < 0.3
    assert found["remove"].clean.value > 0.95


def test_an_unknown_remedy_names_the_nearest():
    with pytest.raises(UsageError, match='did you mean "relabel"'):
        repair(toy(40), toy(40), toy(40), corner(), ["relable"], settings())
