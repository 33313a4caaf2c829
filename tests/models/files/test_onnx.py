from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sparring.errors import MissingExtraError, ModelError
from sparring.models import load_model, look

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

WEIGHT = np.arange(12, dtype=np.float32).reshape(4, 3) / 10 - 0.5
INPUTS = torch.rand(5, 4, generator=torch.Generator().manual_seed(0))

try:
    import onnx2torch
except Exception:  # it imports torchvision, which may be missing, or made for another torch
    onnx2torch = None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    onnx.save(graph("N"), tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def graph(rows: Any, inputs: int = 1) -> Any:
    ports = [onnx.helper.make_tensor_value_info(f"inputs{i}", 1, [rows, 4]) for i in range(inputs)]
    weight = onnx.numpy_helper.from_array(WEIGHT, "weight")
    node = onnx.helper.make_node("MatMul", ["inputs0", "weight"], ["outputs"])
    answer = onnx.helper.make_tensor_value_info("outputs", 1, [rows, 3])
    made = onnx.helper.make_graph([node], "net", ports, [answer], initializer=[weight])
    return onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    monkeypatch.setattr(
        "sparring.models.files.onnx.find_spec", lambda name: None if name in packages else find_spec(name)
    )


def test_scores_by_onnxruntime(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "onnx2torch")
    model = look(load_model(file), INPUTS)
    assert torch.allclose(model(INPUTS), INPUTS @ torch.from_numpy(WEIGHT), atol=1e-6)
    assert not model.gradients
    assert model.notes == ("onnx2torch is not installed: the model gives scores but no gradients",)


@pytest.mark.skipif(
    onnx2torch is None, reason="onnx2torch, or the torchvision that it needs, cannot be imported"
)
@pytest.mark.filterwarnings("ignore")
def test_gradients_by_onnx2torch(file: Path) -> None:
    model = look(load_model(file), INPUTS)
    assert model.gradients
    assert torch.allclose(model(INPUTS), INPUTS @ torch.from_numpy(WEIGHT), atol=1e-6)


@pytest.mark.skipif(
    onnx2torch is not None or not find_spec("onnx2torch"), reason="onnx2torch works, or is missing"
)
def test_what_onnx2torch_lacks_is_said(file: Path) -> None:
    assert load_model(file).notes == (
        "onnx2torch lacks torchvision: the model gives scores but no gradients",
    )


def test_a_fixed_batch_takes_any(tmp_path: Path) -> None:
    onnx.save(graph(2), tmp_path / "net.onnx")
    model = load_model(tmp_path / "net.onnx")
    assert torch.allclose(model(INPUTS), INPUTS @ torch.from_numpy(WEIGHT), atol=1e-6)
    assert "batches of 2 rows" in model.notes[-1]


@pytest.mark.parametrize("packages", [("onnx",), ("onnx2torch", "onnxruntime")])
def test_missing_packages_name_the_command(
    packages: tuple[str, ...], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, *packages)
    with pytest.raises(MissingExtraError, match=r"pip install 'sparring\[onnx\]'"):
        load_model(file)


def test_external_data_beside_the_model_are_read_and_digested(tmp_path: Path) -> None:
    model = graph("N")
    onnx.save(model, tmp_path / "net.onnx", save_as_external_data=True, location="net.bin", size_threshold=0)
    first = load_model(tmp_path / "net.onnx")
    assert torch.allclose(first(INPUTS), INPUTS @ torch.from_numpy(WEIGHT), atol=1e-6)
    content = bytearray((tmp_path / "net.bin").read_bytes())
    content[0] ^= 1
    (tmp_path / "net.bin").write_bytes(content)
    assert load_model(tmp_path / "net.onnx").digest != first.digest
    (tmp_path / "net.bin").unlink()
    with pytest.raises(ModelError, match=r"net\.bin"):
        load_model(tmp_path / "net.onnx")


@pytest.mark.parametrize("content", [b"", b"nonsense" * 9, b"\x80\x04."])
def test_damaged_files_are_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.onnx") as caught:
        load_model(tmp_path / "net.onnx")
    assert "\n" not in str(caught.value)


def test_two_inputs_are_refused(tmp_path: Path) -> None:
    onnx.save(graph("N", inputs=2), tmp_path / "net.onnx")
    with pytest.raises(ModelError, match="takes 2 inputs"):
        load_model(tmp_path / "net.onnx")
