from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sparring.errors import ModelError
from sparring.models import load_model, look, untouched


def test_a_program_gives_what_the_module_gave(
    save: Callable[..., Path], net: nn.Module, inputs: Tensor
) -> None:
    model = load_model(save(net))
    assert torch.equal(model(inputs), net(inputs))
    assert model.notes == ()
    points = inputs.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(points).sum(), points)
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 8, 9])
@pytest.mark.parametrize("batch", [4, torch.export.Dim("batch", min=3, max=4)], ids=["fixed", "bounded"])
def test_any_batch_size_works(
    rows: int, batch: object, save: Callable[..., Path], net: nn.Module, inputs: Tensor
) -> None:
    model = load_model(save(net, batch))
    points = inputs.repeat(2, 1, 1, 1)[:rows].requires_grad_()
    assert torch.allclose(model(points), net(points), atol=1e-6)
    (gradient,), (wanted,) = (torch.autograd.grad(each(points)[:, 0].sum(), points) for each in (model, net))
    assert torch.allclose(gradient, wanted, atol=1e-6)
    assert "others are cut" in model.notes[0]


def test_a_program_exported_in_training_mode_is_switched_off(
    save: Callable[..., Path], net: nn.Module, inputs: Tensor
) -> None:
    file = save(net.train())
    model = load_model(file)
    assert "training mode" in model.notes[0]
    assert torch.allclose(model(inputs), net.eval()(inputs), atol=1e-6)
    assert not look(model, inputs).randomised


def test_modes_of_programs_can_be_set(save: Callable[..., Path], net: nn.Module, inputs: Tensor) -> None:
    model = load_model(save(net)).train()
    with untouched(model):
        assert torch.equal(model(inputs), net(inputs))
    assert all(module.training for module in model.modules())


class NoGrad(nn.Module):
    """Regions without gradients become a graph inside the graph."""

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            scale = inputs.amax() + 1
        return {"logits": inputs.flatten(1) / scale}


class Reshaping(nn.Module):
    """Sizes that are computed: the file holds expressions of the batch size."""

    def forward(self, inputs: Tensor) -> Tensor:
        doubled = inputs.repeat(2, 1, 1, 1).flatten(1)
        return torch.einsum("ab,ab->ab", doubled, doubled)[: inputs.shape[0]]


class Constants(nn.Module):
    """Tensors that are no parameters are stored elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.ones(12), persistent=False)
        self.layers = nn.ModuleDict({"first-layer": nn.Linear(12, 2)})

    def forward(self, inputs: Tensor) -> tuple[Tensor, None]:
        return self.layers["first-layer"](inputs.flatten(1) + self.shift * torch.tensor(2.0)), None


@pytest.mark.parametrize(
    "module", [NoGrad(), Reshaping(), Constants()], ids=lambda module: type(module).__name__
)
def test_unusual_programs_pass_the_check(
    module: nn.Module, save: Callable[..., Path], inputs: Tensor
) -> None:
    answer = module(inputs)
    wanted = (
        answer["logits"] if isinstance(answer, dict) else answer[0] if isinstance(answer, tuple) else answer
    )
    assert torch.allclose(load_model(save(module))(inputs), wanted)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, activation="gelu")

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs.flatten(2)).mean(1)


def test_a_transformer_passes_the_check(save: Callable[..., Path], inputs: Tensor) -> None:
    module = Attention().eval()
    assert torch.allclose(load_model(save(module))(inputs), module(inputs), atol=1e-5)


def test_truncated_files_are_one_sentence(save: Callable[..., Path], net: nn.Module) -> None:
    file = save(net)
    content = file.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 10):
        file.write_bytes(content[:length])
        with pytest.raises(ModelError, match="truncated"):
            load_model(file)


def test_a_program_of_two_inputs_is_refused(tmp_path: Path) -> None:
    class Sum(nn.Module):
        def forward(self, one: Tensor, other: Tensor) -> Tensor:
            return one + other

    torch.export.save(torch.export.export(Sum(), (torch.ones(2), torch.ones(2))), tmp_path / "sum.pt2")
    with pytest.raises(ModelError, match="takes 2 inputs"):
        load_model(tmp_path / "sum.pt2")


def test_a_wrong_shape_is_one_sentence(save: Callable[..., Path], net: nn.Module) -> None:
    with pytest.raises(ModelError, match=r"fails on inputs of shape \(4, 1, 2, 2\)"):
        look(load_model(save(net)), torch.rand(4, 1, 2, 2))
