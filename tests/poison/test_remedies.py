"""Each remedy on a poison that works."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from sparring.data import load_data
from sparring.errors import UsageError
from sparring.poison import plant, repair
from sparring.poison.making.victim import answers_of, trained
from sparring.poison.remedies import (
    Unlearning,
    fine_prune,
    i_bau,
    neighbourly,
    relabelled,
    relearned,
    without,
)
from sparring.poison.remedies.fine_pruning import _asleep
from sparring.poison.remedies.unlearning import _triggered
from sparring.training import small_net
from tests.poison.toy import SHORT, corner, settings, toy


def test_relabelling_puts_wrong_labels_right_and_leaves_right_ones():
    samples = toy(300)
    labels = samples.labels.clone()
    labels[:15] = (labels[:15] + 1) % 4
    poisoned = replace(samples, labels=labels)
    righted = relabelled(poisoned, neighbourly(poisoned))
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
    samples = load_data((inputs, labels))
    kept = relabelled(samples, neighbourly(samples))
    assert kept.index[:20].tolist() == list(range(20))
    middle = set(range(25, 35)) & set(kept.index.tolist())
    assert middle == {27, 28, 29, 32, 33, 34}


def test_the_new_model_settles_what_neighbours_doubt():
    """Six samples with a corner: too few to be each other's neighbours, and enough for a backdoor."""
    samples, long = toy(300), replace(SHORT, epochs=20)
    poisoned, _ = plant(samples, corner(rate=0.02))
    assert answers_of(trained(poisoned, small_net, long), toy(200, seed=5), corner(), 4).success.value > 0.9
    cured = answers_of(relearned(poisoned, small_net, long), toy(200, seed=5), corner(), 4)
    assert cured.success.value < 0.1
    assert cured.clean.value > 0.95


def test_neighbours_are_those_with_the_same_outlines():
    """The same bars under other light and noise are neighbours, bars that lie are not."""
    generator = torch.Generator().manual_seed(0)
    inputs = 0.2 * torch.rand(48, 1, 12, 12, generator=generator)
    inputs[:24, ..., 6:] += 0.3 + 0.5 * torch.rand(24, 1, 1, 1, generator=generator)
    inputs[24:, ..., 6:, :] += 0.3 + 0.5 * torch.rand(24, 1, 1, 1, generator=generator)
    labels = torch.arange(48) // 24
    labels[0] = 1
    found = neighbourly(load_data((inputs, labels)))
    assert found.label.tolist() == (torch.arange(48) // 24).tolist()
    assert found.against(labels, 8).nonzero()[:, 0].tolist() == [0]


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
    repaired = answers_of(fine_prune(model, toy(60)), test, corner(), 4)
    assert repaired.success.value < 0.2
    assert repaired.clean.value > 0.9
    assert torch.equal(model.last.weight, before)


def test_fine_pruning_goes_with_few_trusted_samples():
    victim = trained(toy(60), recipe=SHORT)
    assert answers_of(fine_prune(victim, toy(7)), toy(100, seed=2), corner(), 4).clean.value > 0.5


def test_fine_pruning_cuts_as_much_as_accuracy_on_trusted_samples_allows():
    """Six neurons that are as awake as they are needed: three may go at a third, none where nothing may be lost."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 6, bias=False))
    model[1].weight.data = torch.eye(6)
    inputs = torch.eye(6) * torch.linspace(0.5, 1, 6)[:, None]
    trusted = load_data((inputs.reshape(6, 1, 1, 6), torch.arange(6)))
    features = trusted.inputs.flatten(1)
    found = [_asleep(features, model[1], trusted.labels, allowed).tolist() for allowed in (0.0, 0.34, 1.0)]
    assert found == [[0], [0, 1, 2], [0, 1, 2, 3, 4, 5]]


def test_unlearning_closes_a_backdoor_and_keeps_what_was_said():
    """Twenty trusted samples, whose labels are not looked at; a white corner is long for so small an image."""
    poisoned, _ = plant(toy(400), corner(rate=0.1))
    victim, test = trained(poisoned, small_net, SHORT), toy(200, seed=5)
    before = [each.clone() for each in victim.parameters()]
    trusted = toy(20, seed=6)
    cured = i_bau(victim, replace(trusted, labels=torch.zeros_like(trusted.labels)), Unlearning(length=0.14))
    assert answers_of(victim, test, corner(), 4).success.value > 0.9
    assert answers_of(cured, test, corner(), 4).success.value < 0.1
    assert answers_of(cured, test, corner(), 4).clean.value > 0.95
    assert all(torch.equal(*pair) for pair in zip(before, victim.parameters(), strict=True))


def test_a_shared_change_keeps_its_length_and_the_range():
    victim, trusted = trained(toy(200), small_net, SHORT), toy(30, seed=6)
    settings = Unlearning(changes=2, length=0.05)
    answers = victim(trusted.inputs).argmax(1)
    changed = _triggered(
        victim, trusted.inputs, answers, trusted.domain, settings, torch.Generator().manual_seed(0)
    )
    moved = (changed - trusted.inputs).flatten(1)
    assert (changed.min() >= 0, changed.max() <= 1) == (True, True)
    assert float(moved.norm(dim=1).max()) <= 0.05 * 8 + 1e-5
    inside = ((changed > 0) & (changed < 1)).flatten(1)
    for part in (0, 1):  # where nothing was cut off, all samples of a part moved alike
        rows, both = moved[part::2], inside[part::2].all(0)
        assert both.sum() > 20
        torch.testing.assert_close(rows[:, both], rows[:1, both].expand(len(rows), -1))


def test_remedies_stand_beside_victim_and_control():
    tried = repair(toy(400), toy(200, seed=5), toy(300, seed=6), corner(rate=0.08), ["remove"], settings())
    assert [each.trusted for each in tried] == [0, 0, 300]
    found = {each.remedy: each.answers for each in tried}
    assert list(found) == ["control", "none", "remove"]
    assert found["none"].success.value > 0.9
    assert found["remove"].success.value < 0.3
    assert found["remove"].clean.value > 0.95


def test_an_unknown_remedy_names_the_nearest():
    with pytest.raises(UsageError, match='did you mean "relabel"'):
        repair(toy(40), toy(40), toy(40), corner(), ["relable"], settings())
