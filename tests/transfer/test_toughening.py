import pytest
import torch
from torch import nn

from sparring.attacks import PGD
from sparring.data import load_data
from sparring.draws import Draws
from sparring.engine import Task, search
from sparring.errors import ModelError
from sparring.models import load_model
from sparring.threat import Linf, Untargeted
from sparring.training import Recipe, fit
from sparring.transfer import toughened


def bright(count=200):
    """Two classes: what counts is in one pixel by much, and in all the others by little."""
    draws = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 2
    inputs = 0.5 + 0.02 * (labels[:, None] - 0.5) + 0.02 * torch.randn(count, 36, generator=draws)
    inputs[:, 0] = 0.2 + 0.6 * labels
    return load_data((inputs.reshape(count, 1, 6, 6).clamp(0, 1), labels))


def left(model, samples, eps):
    """How many withstand a short climb."""
    threat = Linf(eps).bind(samples.inputs, samples.domain)
    task = Task(samples.inputs, Untargeted(samples.labels), threat, Draws(torch.arange(len(samples))))
    return int((~search(model, task, PGD(5, 0.25), batch=256).success).sum())


def test_a_toughened_surrogate_withstands_more_and_the_one_given_is_left_alone():
    samples = bright()
    torch.manual_seed(0)
    plain = fit(nn.Sequential(nn.Flatten(), nn.Linear(36, 2)), samples, Recipe(epochs=3, minibatch=20)).model
    surrogate = load_model(plain).having(name="mine")
    before = left(surrogate, samples, 0.05)
    tough = toughened(surrogate, samples, Linf(0.05), Recipe(epochs=40, minibatch=20))
    assert tough.name == "tough-mine"
    assert left(tough, samples, 0.05) > before + 20
    assert left(surrogate, samples, 0.05) == before


def test_what_has_no_weights_is_refused():
    with pytest.raises(ModelError, match="no weights that can be tuned"):
        toughened(load_model(lambda inputs: inputs.flatten(1)[:, :2]), bright(), Linf(0.05))
