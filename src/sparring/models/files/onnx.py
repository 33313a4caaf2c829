"""`.onnx`: gradients through onnx2torch where it is installed, else scores by onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.errors import MissingExtraError, ModelError, UnsafeFileError
from sparring.models.batches import AnyBatch
from sparring.models.digest import joined, sha256_of
from sparring.models.loaded import Loaded

__all__ = ["load_onnx"]

EXTERNAL = 1  # onnx.TensorProto.EXTERNAL


def load_onnx(path: Path, device: torch.device | None = None) -> Loaded:
    """Load an ONNX model with one input.

    Raises:
        MissingExtraError: If neither onnx2torch nor onnxruntime is installed.
        ModelError: If it is damaged, or not a model of one input.
        UnsafeFileError: If its external data lie outside its folder.
    """
    if find_spec("onnx") is None:
        raise MissingExtraError("reading .onnx models", "onnx")
    graph, files = _read(path)
    digest = joined(sha256_of(path), *map(sha256_of, files))
    batch = _batch_size(graph, path)
    converted, reason = _converted(graph)
    loaded = converted if converted is not None else _session(graph, path)
    if device is not None:
        loaded = loaded.to(device)
    notes: tuple[str, ...] = (
        () if converted is not None else (f"{reason}: the model gives scores but no gradients",)
    )
    if batch is not None:
        loaded = AnyBatch(loaded, batch, batch)
        notes += (f"the model takes batches of {batch} rows: others are cut and filled up",)
    return Loaded(loaded, digest, gradients=converted is not None, notes=notes)


def _read(path: Path) -> tuple[Any, list[Path]]:
    """Read a model with its external data, each of which must lie inside the model's folder."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types

    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError, ValueError) as error:
        raise ModelError(f"{path.name} is no .onnx file, or it is truncated; export it again") from error
    files = sorted({_inside(path.parent, location, path.name) for location in _locations(model)})
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
        onnx.checker.check_model(model)
    except Exception as error:
        raise ModelError(
            f"{path.name} is not a valid .onnx model: {' '.join(str(error).split())[:200]}"
        ) from error
    return model, files


def _locations(message: Any) -> Iterator[str]:
    """Where the tensors of a message, however deep, keep data outside the file."""
    if message.DESCRIPTOR.name == "TensorProto":
        if message.data_location == EXTERNAL:
            yield from (entry.value for entry in message.external_data if entry.key == "location")
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if hasattr(value, "__len__") else (value,):
                yield from _locations(part)


def _inside(folder: Path, location: str, file: str) -> Path:
    target = (folder / location).resolve()
    if Path(location).is_absolute() or not target.is_relative_to(folder.resolve()):
        raise UnsafeFileError(
            f'{file} reads "{location}", outside its own folder; keep external data beside the model'
        )
    if not target.is_file():
        raise ModelError(f'{file} needs "{location}" beside it, which is missing')
    return target


def _batch_size(model: Any, path: Path) -> int | None:
    """The batch size that was fixed at export, None if any is taken."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in weights]
    if len(inputs) != 1:
        raise ModelError(f"{path.name} takes {len(inputs)} inputs; export a model of one input, the batch")
    sizes = inputs[0].type.tensor_type.shape.dim
    return sizes[0].dim_value or None if sizes else None


def _converted(model: Any) -> tuple[nn.Module | None, str]:
    """Make a torch module of an ONNX model; None, and why, if that cannot be done."""
    if find_spec("onnx2torch") is None:
        return None, "onnx2torch is not installed"
    try:
        from onnx2torch import convert

        return convert(model), ""
    except ImportError as error:
        return None, f"onnx2torch lacks {error.name}"
    except Exception as error:  # it knows some operators and not others, and says so in many ways
        return None, f"onnx2torch cannot convert it ({type(error).__name__})"


class Scores(nn.Module):
    """A session of onnxruntime: outputs without gradients."""

    def __init__(self, session: Any) -> None:
        super().__init__()
        self.session = session
        self.input_name: str = session.get_inputs()[0].name

    def forward(self, inputs: Tensor) -> Tensor | dict[str, Tensor]:
        outputs = self.session.run(None, {self.input_name: inputs.detach().cpu().numpy()})
        tensors = [torch.from_numpy(output).to(inputs.device) for output in outputs]
        if len(tensors) == 1:
            return tensors[0]
        return dict(zip((each.name for each in self.session.get_outputs()), tensors, strict=True))


def _session(model: Any, path: Path) -> nn.Module:
    if find_spec("onnxruntime") is None:
        raise MissingExtraError("running .onnx models", "onnx")
    from onnxruntime import InferenceSession

    try:
        # From memory: what was checked is what runs.
        return Scores(InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]))
    except Exception as error:
        raise ModelError(
            f"{path.name} cannot be run by onnxruntime: {' '.join(str(error).split())[:200]}"
        ) from error
