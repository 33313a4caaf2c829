import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sparring.errors import ModelError
from sparring.models import untouched
from sparring.models.behind import modules_behind


class Restless(nn.Module):
    """Changes everything that a forward can change."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.norm = nn.BatchNorm1d(3)
        self.frozen = nn.BatchNorm1d(3).eval()
        self.register_buffer("mean", torch.tensor([0.0, -0.0, torch.nan]))
        self.layer.bias.requires_grad_(False)

    def forward(self, inputs: Tensor) -> Tensor:
        self.mean = torch.ones(3)
        with torch.no_grad():
            self.layer.weight.add_(1)
        self.layer.bias.requires_grad_(True)
        self.layer.weight.requires_grad_(False)
        self.norm.train()
        random.random()
        np.random.rand()  # noqa: NPY002
        self.register_buffer("extra", torch.ones(1))
        outputs = self.frozen(self.norm(self.layer(inputs))) + torch.rand(())
        self.norm.weight.grad = torch.ones(3)
        return outputs


def state(module: nn.Module) -> list[Any]:
    """Everything that must be as before, as plain values and bytes."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return [
        [
            (name, id(t), t.detach().numpy().tobytes(), t.requires_grad, id(t.grad), str(t.grad))
            for name, t in tensors
        ],
        [each.training for each in module.modules()],
        (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()),  # noqa: NPY002
        (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
    ]


@pytest.fixture
def restless() -> Restless:
    module = Restless().train()
    module.frozen.eval()
    module.layer.weight.grad = torch.tensor([[1.0, 2, torch.nan]] * 3)
    return module


@pytest.mark.parametrize("surrounding", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_everything_is_as_before(restless: Restless, surrounding: Callable[[], Any]) -> None:
    with surrounding():
        before = state(restless)
        with untouched(restless):
            assert not any(module.training for module in restless.modules())
            assert torch.is_grad_enabled()
            assert not torch.is_inference_mode_enabled()
            restless(torch.rand(4, 3))
            restless.layer.weight.grad = None
        assert state(restless) == before


def test_everything_is_as_before_after_an_exception(restless: Restless) -> None:
    before = state(restless)
    with suppress(KeyboardInterrupt), untouched(restless):
        restless(torch.rand(4, 3))
        raise KeyboardInterrupt
    assert state(restless) == before


def test_a_gradient_that_was_added_to_is_as_before(restless: Restless) -> None:
    grad = restless.layer.weight.grad
    with untouched(restless):
        restless.layer(torch.rand(2, 3)).sum().backward()
    assert restless.layer.weight.grad is grad
    assert grad is not None
    assert grad[0, :2].tolist() == [1, 2]


def test_zero_and_minus_zero_are_told_apart() -> None:
    net = nn.BatchNorm1d(1)
    with untouched(net):
        net.running_mean.neg_()  # type: ignore[operator]
    assert str(net.running_mean) == "tensor([0.])"


def test_modules_that_refuse_to_change_their_mode_are_no_trouble() -> None:
    class Exported(nn.Module):
        def train(self, mode: bool = True) -> "Exported":
            raise NotImplementedError

    net = Exported()
    with untouched(net):
        assert not net.training
    assert net.training


def test_parameters_that_did_not_change_are_not_written(restless: Restless) -> None:
    """A write would break a graph that the caller holds."""
    loss = restless.layer(torch.rand(2, 3)).sum()
    with untouched(restless):
        restless.layer(torch.rand(2, 3))
    loss.backward()


def test_models_made_in_inference_mode_are_restored() -> None:
    with torch.inference_mode():
        net = nn.BatchNorm1d(3)
    before = net.running_mean.clone()  # type: ignore[operator]
    with untouched(net), torch.inference_mode():
        net.running_mean.add_(1)  # type: ignore[operator]
    assert torch.equal(net.running_mean, before)  # type: ignore[arg-type]


def test_a_model_that_optimises_inside_its_forward_works(inputs: Tensor) -> None:
    class Purifier(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            point = inputs.detach().clone().requires_grad_()
            (step,) = torch.autograd.grad(point.square().sum(), point)
            return (inputs - 0.1 * step).flatten(1)

    with torch.inference_mode(), untouched(Purifier()):
        assert Purifier()(torch.ones(2, 3)).shape == (2, 3)


def test_lazy_parameters_are_one_sentence() -> None:
    with pytest.raises(ModelError, match="lazy"), untouched(nn.LazyLinear(3)):
        pass


NET = nn.Linear(3, 3)


class Caller:
    def __init__(self, net: nn.Module) -> None:
        self.nets = [net]

    def __call__(self, inputs: Tensor) -> Tensor:
        return self.nets[0](inputs)

    def predict(self, inputs: Tensor) -> Tensor:
        return self(inputs)


def hidden(kind: str, net: nn.Module) -> Any:
    kinds: dict[str, Any] = {
        "module": net,
        "bound method": net.forward,
        "closure": lambda inputs: net(inputs),
        "partial": partial(torch.func.functional_call, net, {}),
        "object": Caller(net),
        "method of an object": Caller(net).predict,
        "default": lambda inputs, module=net: module(inputs),
    }
    return kinds[kind]


@pytest.mark.parametrize(
    "kind", ["module", "bound method", "closure", "partial", "object", "method of an object", "default"]
)
def test_modules_behind_callables_are_found(kind: str) -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Dropout())
    assert {id(net), id(net[0]), id(net[1])} <= {id(found) for found in modules_behind(hidden(kind, net))}


def test_modules_behind_global_names_are_found() -> None:
    assert NET in modules_behind(lambda inputs: NET(inputs))
    assert modules_behind(torch.relu) == []
