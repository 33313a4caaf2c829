from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from sparring.errors import ModelError, SparringError, UsageError
from sparring.models import Model, load_model, look

CODE = """
from torch import nn
class Net(nn.Sequential):
    pass
def make():
    return Net(nn.Flatten(), nn.Linear(12, 3))
def fail():
    raise RuntimeError("no such\\n luck")
ready = make()
number = 5
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(CODE)
    return tmp_path / "net.py"


@pytest.fixture
def state() -> dict[str, Tensor]:
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).state_dict()


def test_a_factory_is_called_and_a_module_is_taken(code: Path, inputs: Tensor) -> None:
    assert load_model(f"{code}:make")(inputs).shape == (6, 3)
    assert load_model(f"{code}:ready").name == "ready"


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pt"])
@pytest.mark.parametrize(
    "wrap", [lambda state: state, lambda state: {"state_dict": state}], ids=["bare", "wrapped"]
)
def test_weights_are_filled_in(
    name: str, wrap: Callable[..., Any], code: Path, state: dict[str, Tensor], inputs: Tensor, tmp_path: Path
) -> None:
    if name.endswith("safetensors"):
        save_file(state, tmp_path / name)
    else:
        torch.save(wrap({f"module.{key}": value for key, value in state.items()}), tmp_path / name)
    model = load_model(f"{code}:make", weights=tmp_path / name)
    assert torch.equal(model(inputs), inputs.flatten(1) @ state["1.weight"].T + state["1.bias"])
    assert model.digest != load_model(f"{code}:make").digest


def test_normalisation_is_put_before_the_model(inputs: Tensor) -> None:
    mean, std = [0.1, 0.2, 0.3], [1.0, 2.0, 4.0]
    wanted = ((inputs - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)).flatten(1)
    for flatten in (nn.Flatten(), lambda inputs: inputs.flatten(1)):
        assert torch.equal(load_model(flatten, mean=mean, std=std)(inputs), wanted)
    assert load_model(nn.Flatten(), mean=0.5, std=0.5)(inputs.bfloat16()).dtype == torch.bfloat16


def test_models_in_memory_are_held_not_copied(net: nn.Module) -> None:
    model = load_model(net)
    assert model.function is net
    assert load_model(model) is model
    assert model.source == "memory"


def test_digests_tell_models_apart(net: nn.Module) -> None:
    before = load_model(net).digest
    assert before == load_model(net).digest
    with torch.no_grad():
        net.get_parameter("last.bias")[0] += 1
    assert load_model(net).digest != before
    assert load_model(nn.Linear(2, 2).bfloat16()).digest
    assert load_model(lambda inputs: inputs).digest is None


def bad_weights(name: str) -> Callable[[Path], dict[str, Any]]:
    def write(folder: Path) -> dict[str, Any]:
        (folder / name).write_bytes(b"nonsense, and long enough to look like something")
        return {"source": f"{folder}/net.py:make", "weights": folder / name}

    return write


def wrong_shape(folder: Path) -> dict[str, Any]:
    save_file({"1.weight": torch.ones(2, 2), "1.bias": torch.ones(3)}, folder / "w.safetensors")
    return {"source": f"{folder}/net.py:make", "weights": folder / "w.safetensors"}


def no_tensors(folder: Path) -> dict[str, Any]:
    torch.save([1, 2], folder / "w.pth")
    return {"source": f"{folder}/net.py:make", "weights": folder / "w.pth"}


def an_empty_file(name: str) -> Callable[[Path], dict[str, Any]]:
    def write(folder: Path) -> dict[str, Any]:
        (folder / name).write_bytes(b"")
        return {"source": folder / name}

    return write


FAULTS: list[tuple[Callable[[Path], dict[str, Any]], str]] = [
    (lambda folder: {"source": "missing.pt2"}, "no model file"),
    (lambda folder: {"source": "missing.py:make"}, "no code file"),
    (lambda folder: {"source": f"{folder}/net.py:mak"}, 'did you mean "make"'),
    (lambda folder: {"source": f"{folder}/net.py:fail"}, "RuntimeError: no such luck"),
    (lambda folder: {"source": f"{folder}/net.py:number"}, "not a function"),
    (lambda folder: {"source": 5}, "type int is no model"),
    (lambda folder: {"source": f"{folder}/net.py"}, "not a kind of model"),
    (lambda folder: {"source": nn.Identity(), "weights": "w.pth"}, "weights go with"),
    (lambda folder: {"source": nn.Identity(), "mean": 0.5}, "mean and std go together"),
    (lambda folder: {"source": nn.Identity(), "mean": 0.5, "std": 0.0}, "std must be positive"),
    (lambda folder: {"source": nn.Identity(), "mean": [0.5, 0.5], "std": 1.0}, "one of each per channel"),
    (lambda folder: {"source": nn.Identity(), "outputs": "softmax"}, "no kind of outputs"),
    (lambda folder: {"source": nn.Linear(1, 1), "device": "meta"}, "not moved for you"),
    (lambda folder: {"source": f"{folder}/net.py:make", "weights": "missing.pth"}, "no weights file"),
    (
        lambda folder: {"source": f"{folder}/net.py:make", "weights": f"{folder}/net.py"},
        "not a kind of weights",
    ),
    (bad_weights("w.safetensors"), "w.safetensors is no safetensors file"),
    (bad_weights("w.pth"), "w.pth"),
    (wrong_shape, "do not fit the model"),
    (no_tensors, "no tensors by name"),
    (an_empty_file("net.pt2"), "truncated"),
    (an_empty_file("net.pth"), "weights without a model"),
]


@pytest.mark.parametrize(("given", "sentence"), FAULTS, ids=range(len(FAULTS)))
def test_bad_input_is_one_sentence(
    given: Callable[[Path], dict[str, Any]], sentence: str, code: Path, tmp_path: Path
) -> None:
    with pytest.raises(SparringError, match=sentence) as caught:
        load_model(**given(tmp_path))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_device_and_having() -> None:
    model = Model(nn.Linear(1, 1), name="a", source="b", notes=("c",))
    assert model.device == torch.device("cpu")
    assert model.having(name="d").name == "d"
    assert model.having(name="d").notes == ("c",)


@pytest.mark.parametrize(
    "name",
    [
        "cifar10_sri_resnet_a",
        "cifar10_resnet_4b",
        "cifar10_small_resnet_adv",
        "mnist_small_cnn_std",
        "mnist_small_cnn_adv",
    ],
)
def test_development_models_load(name: str, shared_data: Path) -> None:
    model = load_model(shared_data / "models" / f"{name}.pt2")
    shape = (1, 28, 28) if name.startswith("mnist") else (3, 32, 32)
    seen = look(model, torch.rand(2, *shape))
    assert (seen.outputs, seen.gradients, seen.randomised) == ("logits", True, False)


def test_usage_errors_come_before_large_files_are_read() -> None:
    with pytest.raises(UsageError):
        load_model("missing.pt2", outputs="nonsense")
    with pytest.raises(ModelError):
        load_model("missing.pt2")
