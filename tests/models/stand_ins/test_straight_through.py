"""The stand-in answers as the model does, and has gradients where the model has none."""

import numpy as np
import pytest
import torch
from torch import nn

from sparring.models.stand_ins.reversed import reversed_gradients
from sparring.models.stand_ins.straight_through import stops, straight_through
from tests.slopes import flip

torch.manual_seed(0)
NET = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))


def _optimising(inputs):
    moved = inputs.detach().clone().requires_grad_(True)
    NET(moved).logsumexp(1).sum().backward()
    return NET((moved + 0.01 * moved.grad).detach())


STOPPED = {
    "round": (lambda inputs: NET((inputs * 15).round() / 15), "round"),
    "numpy": (
        lambda inputs: NET(torch.from_numpy(np.round(inputs.detach().numpy(), 1))),
        "a cut before Sequential",
    ),
    "no_grad": (lambda inputs: torch.no_grad()(NET)(inputs), "no_grad"),
    "comparison": (lambda inputs: NET((inputs > 0.5).float()), "a comparison"),
    "whole numbers": (lambda inputs: NET((inputs * 255).to(torch.uint8).float() / 255), "whole numbers"),
    "rounded answers": (lambda inputs: NET(inputs).round(decimals=2), "round"),
    "optimising": (_optimising, "a cut before Sequential"),
}


def _gradient(function, inputs):
    points = inputs.clone().requires_grad_()
    outputs = function(points)
    return outputs.detach(), torch.autograd.grad(outputs[:, 0].sum(), points)[0]


@pytest.mark.parametrize("name", STOPPED)
def test_the_stand_in_answers_the_same_and_has_the_gradient_behind_the_stop(name):
    function, met = STOPPED[name]
    inputs = torch.rand(8, 1, 4, 4)
    outputs, gradient = _gradient(straight_through(function), inputs)
    assert torch.equal(outputs, function(inputs))
    true = _gradient(NET, inputs)[1]
    assert torch.nn.functional.cosine_similarity(gradient.flatten(1), true.flatten(1)).min() > 0.9
    assert met in stops(function, inputs)


def test_nothing_stops_a_plain_net_and_its_gradient_is_exact():
    inputs = torch.rand(8, 1, 4, 4)
    assert stops(NET, inputs) == frozenset()
    assert torch.equal(_gradient(straight_through(NET), inputs)[1], _gradient(NET, inputs)[1])


def test_a_constant_cannot_be_got_past():
    assert stops(lambda inputs: torch.ones(len(inputs), 2), torch.rand(8, 1, 4, 4)) is None


def test_a_saturated_softmax_gives_its_logits_back():
    def sure(inputs):
        return (1000 * NET(inputs)).softmax(1).clamp_min(1e-30).log()

    inputs = torch.rand(8, 1, 4, 4)
    assert not _gradient(sure, inputs)[1].any() or stops(sure, inputs) == {"softmax"}
    assert _gradient(straight_through(sure), inputs)[1].flatten(1).any(1).all()


def test_reversed_gradients_are_exact_and_turn_a_flip_back():
    inputs = torch.rand(8, 1, 4, 4)
    outputs, gradient = _gradient(reversed_gradients(lambda points: NET(flip(points))), inputs)
    assert torch.equal(outputs, NET(inputs)) and torch.equal(gradient, _gradient(NET, inputs)[1])
