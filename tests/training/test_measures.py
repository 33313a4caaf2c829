import pytest
import torch

import sparring
from sparring.attacks import FGSM
from sparring.testing import half_space
from sparring.threat import Linf
from sparring.training import Under, clean_accuracy


@pytest.fixture
def known():
    """A linear model, samples, and which of them can be broken."""
    problem = half_space(Linf(0.1))
    return problem.model, problem.task.inputs, problem.task.goal.labels, problem.breakable


def test_robust_accuracy_is_what_cannot_be_broken(known):
    model, inputs, labels, breakable = known
    samples = sparring.load_data((inputs, labels))
    right = model(inputs).argmax(1) == labels
    found = Under(Linf(0.1), FGSM())(model, samples)
    assert found.clean == pytest.approx(float(right.float().mean()))
    assert found.robust == pytest.approx(float((right & ~breakable).float().mean()), abs=1e-6)
    assert clean_accuracy(model, samples).clean == found.clean


def test_a_model_that_is_always_wrong_has_nothing_to_lose(known):
    model, inputs, *_ = known
    wrong = (model(inputs).argmax(1) + 1) % 2
    found = Under(Linf(0.1))(model, sparring.load_data((inputs, wrong)))
    assert (found.clean, found.robust) == (0.0, 0.0)
    assert not any(each.grad is not None for each in model.parameters())
    assert torch.is_grad_enabled()
