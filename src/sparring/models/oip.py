"""The Open Inference Protocol, version 2, over HTTP with JSON: what a server says of a model, asks and answers.

https://github.com/kserve/open-inference-protocol, `specification/protocol/inference_rest.md`. KServe, Triton, MLServer,
OpenVINO and others speak it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from sparring.errors import ModelError

__all__ = ["Port", "check_inputs", "outputs_in", "port_of", "request_of"]

NUMBERS = {"FP16": torch.float32, "BF16": torch.float32, "FP32": torch.float32, "FP64": torch.float64}
WHOLE = {f"{sign}INT{bits}": torch.int64 for sign in ("", "U") for bits in (8, 16, 32, 64)} | {
    "BOOL": torch.int64
}


@dataclass(frozen=True)
class Port:
    """The one input of a model.

    Args:
        name: Its name.
        datatype: FP16, BF16, FP32 or FP64.
        shape: Rows first; -1 for any size.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]


def port_of(metadata: Any, where: str) -> Port:
    """The input of a model, from what its server says of it.

    Raises:
        ModelError: The server says nothing that makes sense, or the model has not one input of numbers.
    """
    match metadata:
        case {"inputs": [{"name": str(name), "datatype": str(datatype), "shape": [*shape]}]}:
            pass
        case {"inputs": [_, _, *_]}:
            raise ModelError(
                f"the model at {where} takes {len(metadata['inputs'])} inputs; one, the batch, is needed"
            )
        case _:
            raise ModelError(
                f"the server does not say what the model at {where} takes; it must answer as the Open Inference "
                "Protocol does, with the name, datatype and shape of its input"
            )
    if datatype not in NUMBERS:
        raise ModelError(
            f"the model at {where} takes {datatype}; inputs of {', '.join(NUMBERS)} can be attacked"
        )
    if len(shape) < 2 or not all(isinstance(size, int) for size in shape):
        raise ModelError(
            f"the model at {where} takes inputs of shape {shape}; rows and at least one more axis are needed"
        )
    return Port(name, datatype, tuple(shape))


def check_inputs(port: Port, shape: torch.Size, where: str) -> None:
    """Refuse inputs `(N, *shape)` that the model does not take.

    Raises:
        ModelError: The sizes differ.
    """
    fits = len(port.shape) == len(shape) and all(
        wanted in (-1, size) for wanted, size in zip(port.shape[1:], shape[1:], strict=True)
    )
    if not fits:
        wanted = ["any" if size < 0 else size for size in port.shape[1:]]
        raise ModelError(
            f"the model at {where} takes inputs of shape ({', '.join(map(str, wanted))}), these have "
            f"({', '.join(map(str, shape[1:]))}); give data of its shape"
        )


def request_of(port: Port, inputs: Tensor) -> bytes:
    """The body that asks about `inputs` `(N, *shape)`; every float32 arrives as it is."""
    values = inputs.detach().to("cpu", torch.float64).flatten().tolist()
    tensor = {"name": port.name, "shape": list(inputs.shape), "datatype": port.datatype, "data": values}
    return json.dumps({"inputs": [tensor]}).encode()


def outputs_in(answer: Any, rows: int, where: str) -> Tensor | dict[str, Tensor]:
    """The outputs in an answer about so many rows: one tensor, or several by name.

    Raises:
        ModelError: They are missing, are no numbers, or are not as many as rows were asked about.
    """
    outputs = answer.get("outputs") if isinstance(answer, dict) else None
    if not isinstance(outputs, list) or not outputs:
        raise ModelError(
            f"the model at {where} answers without outputs; it must answer as the Open Inference Protocol does"
        )
    found = {
        str(output.get("name")): _tensor(output, rows, where)
        for output in outputs
        if isinstance(output, dict)
    }
    return next(iter(found.values())) if len(found) == 1 else found


def _tensor(output: dict[str, Any], rows: int, where: str) -> Tensor:
    datatype, shape, data = (output.get(key) for key in ("datatype", "shape", "data"))
    kind = (NUMBERS | WHOLE).get(str(datatype))
    if kind is None:
        raise ModelError(f"the model at {where} answers with {datatype}; numbers are needed")
    try:
        values = torch.tensor(data, dtype=kind)
        sizes = [int(size) for size in shape]  # type: ignore[union-attr]
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise ModelError(f"the model at {where} answers with values that are not numbers") from None
    if sizes[:1] != [rows]:
        raise ModelError(
            f"the model at {where} was asked about {rows} inputs and answers with {sizes[0] if sizes else 0} rows"
        )
    if min(sizes) < 0 or values.numel() != prod(sizes):
        raise ModelError(
            f"the model at {where} promises outputs of shape {sizes} and sends {values.numel()} numbers"
        )
    return values.reshape(sizes)
