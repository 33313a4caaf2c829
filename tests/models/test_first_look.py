from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sparring.errors import ModelError
from sparring.models import load_model, look


def test_a_plain_model_is_left_as_it_is(net: nn.Module, inputs: Tensor) -> None:
    net.train()
    model = look(load_model(net), inputs, torch.tensor([0, 2]))
    assert (model.outputs, model.gradients, model.randomised, model.notes) == ("logits", True, False, ())
    assert all(module.training for module in net.modules())


def test_probabilities_are_reported_and_turned_into_logits(net: nn.Module, inputs: Tensor) -> None:
    model = look(load_model(nn.Sequential(net, nn.Softmax(1)).eval()), inputs)
    assert model.outputs == "probabilities"
    assert "probabilities" in model.notes[0]
    assert torch.allclose(model(inputs), net(inputs).log_softmax(1), atol=1e-5)


def test_what_was_said_is_not_looked_for(net: nn.Module, inputs: Tensor) -> None:
    assert look(load_model(nn.Sequential(net, nn.Softmax(1)), outputs="logits"), inputs).outputs == "logits"
    assert look(load_model(lambda inputs: "text", outputs="raw"), inputs).outputs == "raw"


def test_a_randomised_model_is_found_out(inputs: Tensor) -> None:
    model = look(load_model(lambda inputs: inputs.flatten(1) + torch.rand(1)), inputs)
    assert model.randomised
    assert "randomised" in model.notes[0]


@pytest.mark.parametrize(
    "function",
    [
        lambda inputs: torch.ones(len(inputs), 2, requires_grad=True) * 2,
        lambda inputs: torch.ones(len(inputs), 2) + torch.arange(2.0),
    ],
)
def test_a_model_without_gradients_is_found_out(function: Callable[..., Any], inputs: Tensor) -> None:
    model = look(load_model(function), inputs)
    assert not model.gradients
    assert "no gradient" in model.notes[-1]


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda inputs: inputs.flatten(1) / 0, "NaN or infinite outputs"),
        (lambda inputs: (inputs.flatten(1) * 0).sqrt() + 1, "gradients of the model are NaN"),
        (lambda inputs: inputs.flatten(1)[:2], "6 inputs with 2 rows"),
        (lambda inputs: inputs, "one row of logits per input"),
        (lambda inputs: inputs.flatten(1).argmax(1)[:, None].expand(-1, 2), "predicted classes"),
        (lambda inputs: inputs.flatten(1)[:, :2], "labels go up to 9 but the model has 2 outputs"),
        (lambda inputs: [][0], "IndexError"),
        (lambda inputs: inputs.reshape(len(inputs), 2, 2, 3)[:, :, :, 5], "fails on inputs of shape"),
    ],
)
def test_broken_models_are_one_sentence(function: Callable[..., Any], sentence: str, inputs: Tensor) -> None:
    with pytest.raises(ModelError, match=sentence):
        look(load_model(function), inputs, torch.tensor([9]))


class Channels(nn.Module):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(count, 2, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs).mean((2, 3))


class OnlyInTraining(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training:
            raise NotImplementedError
        return inputs.flatten(1)


@pytest.mark.parametrize(
    ("model", "shape", "hint"),
    [
        (Channels(3), (5, 4, 3), "channels first"),
        (Channels(5), (3, 4, 5), "channels last|channels first"),
        (Channels(3), (1, 4, 4), "three channels"),
        (nn.Linear(12, 2), (3, 2, 2), "Flatten"),
        (nn.Linear(12, 2).double(), (12,), r"model.float\(\)"),
        (OnlyInTraining(), (12,), "training mode only"),
    ],
    ids=["first", "last", "grey", "flat", "double", "training"],
)
def test_what_helped_is_said(model: nn.Module, shape: tuple[int, ...], hint: str) -> None:
    with pytest.raises(ModelError, match=hint):
        look(load_model(model), torch.rand(4, *shape))


def test_looking_works_in_inference_mode(net: nn.Module, inputs: Tensor) -> None:
    with torch.inference_mode():
        assert look(load_model(net), inputs.clone()).gradients
