"""Sleeper Agent and Witches' Brew: what is planted looks right, shows no trigger, and works on a new model."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity, cross_entropy

from sparring.errors import DataError, UsageError
from sparring.poison import drawn, gradient_matched, plant
from sparring.poison.making.gradient_matching import match_gradients
from sparring.poison.making.victim import answers_of, predicted, trained
from sparring.training import small_net
from tests.poison.toy import SHORT, toy


def slope(model, inputs, label):
    loss = cross_entropy(model(inputs), torch.full((len(inputs),), label))
    return torch.cat([each.flatten() for each in torch.autograd.grad(loss, list(model.parameters()))])


def test_poisons_pull_weights_where_the_shown_samples_would_and_stay_within_eps():
    torch.manual_seed(0)
    samples = toy(60)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 4))
    bases, shown = samples.inputs[samples.labels == 1][:5], samples.inputs[samples.labels == 2][:3]
    poisons = match_gradients([model], bases, bases, shown, 1, samples.domain, 0.2, 30)
    assert (poisons - bases).abs().max() < 0.2 + 1e-6
    assert poisons.min() >= 0
    assert poisons.max() <= 1
    wanted = slope(model, shown, 1)
    before, after = (cosine_similarity(slope(model, each, 1), wanted, dim=0) for each in (bases, poisons))
    assert 1 - after < (1 - before) / 2


def test_a_sleeper_agent_opens_a_new_model_and_no_sample_shows_its_trigger():
    samples, test = toy(400), toy(200, seed=5)
    spec = drawn("sleeper-agent", samples, 0.1, 2, 0, recipe=SHORT)
    poisoned, note = plant(samples, spec)
    assert spec.name == "sleeper-agent"
    assert torch.equal(poisoned.labels, samples.labels)
    assert set(samples.labels[note.places].tolist()) == {2}
    assert (poisoned.inputs - samples.inputs).abs().max() <= 0.3 + 1 / 255
    victim, control = (trained(each, small_net, SHORT, seed=1) for each in (poisoned, samples))
    assert answers_of(victim, test, spec, 4).success.value > 0.3
    assert answers_of(control, test, spec, 4).success.value < 0.05
    assert answers_of(victim, test, spec, 4).clean.value > 0.95


def test_without_a_trigger_one_chosen_sample_gets_the_class():
    samples, test = toy(400), toy(200, seed=5)
    chosen = test.inputs[test.labels == 3][:1]
    surrogate = trained(samples, small_net, SHORT, seed=9)
    spec = gradient_matched(samples, [surrogate], chosen, 0, 0.1, eps=0.3)
    victim, control = (trained(each, small_net, SHORT, seed=1) for each in (plant(samples, spec)[0], samples))
    assert spec.name == "witches-brew"
    assert predicted(control, chosen).tolist() == [3]
    assert victim(chosen).softmax(1)[0, 0] > 10 * control(chosen).softmax(1)[0, 0]


def test_those_are_poisoned_that_teach_most():
    torch.manual_seed(0)
    samples, model = toy(60), nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    spec = gradient_matched(samples, [model], samples.inputs[:1], 1, 0.05, eps=0.1, steps=1)
    _, note = plant(samples, spec)
    lengths = torch.stack([slope(model, each[None], 1).norm() for each in samples.inputs])
    own = (samples.labels == 1).nonzero()[:, 0]
    assert set(note.places.tolist()) == set(own[lengths[own].topk(3).indices].tolist())


@pytest.mark.parametrize("kind", ["sleeper-agent", "label-consistent"])
def test_what_cannot_be_aimed_at_is_said_before_a_surrogate_is_trained(kind):
    with pytest.raises(UsageError, match="there is no class 7 to aim at"):
        drawn(kind, toy(60), 0.1, 7, 0)
    one = toy(100).select((toy(100).labels == 1).nonzero()[:, 0])
    with pytest.raises(DataError, match="needs two classes"):
        drawn(kind, one, 0.1, 1, 0)
