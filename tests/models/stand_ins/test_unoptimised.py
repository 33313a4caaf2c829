"""Models that take gradient steps while they answer."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from sparring.models.stand_ins.straight_through import OPTIMISATION, stops
from sparring.models.stand_ins.unoptimised import unoptimised

torch.manual_seed(0)
NET = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
INPUTS = torch.rand(8, 1, 4, 4)


def by_grad(inputs):
    shift = torch.zeros_like(inputs, requires_grad=True)
    with torch.enable_grad():
        loss = cross_entropy(NET(inputs.detach() + shift), NET(inputs).argmax(1).detach(), reduction="sum")
        (gradient,) = torch.autograd.grad(loss, shift)
    return NET(inputs - 0.1 * gradient.sign())


def by_backward(inputs):
    shift = torch.zeros_like(inputs).requires_grad_()
    step = torch.optim.SGD([shift], lr=0.1)
    with torch.enable_grad():
        NET(inputs.detach() + shift).logsumexp(1).sum().backward()
    step.step()
    return NET(inputs + shift.detach())


@pytest.mark.parametrize("model", [by_grad, by_backward])
def test_without_its_steps_a_model_answers_as_the_net_inside(model):
    assert not torch.allclose(model(INPUTS), NET(INPUTS)), "the steps do nothing"
    assert torch.allclose(unoptimised(model)(INPUTS), NET(INPUTS))


@pytest.mark.parametrize("model", [by_grad, by_backward])
def test_steps_are_noticed(model):
    assert OPTIMISATION in stops(model, INPUTS)
    assert OPTIMISATION not in (stops(NET, INPUTS) or ())
