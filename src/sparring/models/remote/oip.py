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

from sparring.engagement import Address
from sparring.errors import ModelError

__all__ = ["OipPort", "is_oip", "port_of"]

NUMBERS = {"FP16": torch.float32, "BF16": torch.float32, "FP32": torch.float32, "FP64": torch.float64}
WHOLE = {f"{sign}INT{bits}": torch.int64 for sign in ("", "U") for bits in (8, 16, 32, 64)} | {
    "BOOL": torch.int64
}


@dataclass(frozen=True)
class OipPort:
    """A model's one input, and how it is asked.

    Args:
        where: The address of the model, for errors.
        name: Of the input.
        datatype: FP16, BF16, FP32 or FP64.
        shape: Rows first; -1 for any size.
    """

    where: str
    name: str
    datatype: str
    shape: tuple[int, ...]

    path = "/infer"

    @property
    def rows(self) -> int | None:
        """How many rows each request must have; None for any number."""
        return self.shape[0] if self.shape[0] > 0 else None

    def check(self, shape: torch.Size) -> None:
        """Refuse inputs `(N, *shape)` that the model does not take.

        Raises:
            ModelError: The sizes differ.
        """
        fits = len(self.shape) == len(shape) and all(
            wanted in (-1, size) for wanted, size in zip(self.shape[1:], shape[1:], strict=True)
        )
        if not fits:
            wanted = ["any" if size < 0 else size for size in self.shape[1:]]
            raise ModelError(
                f"the model at {self.where} takes inputs of shape ({', '.join(map(str, wanted))}), these have "
                f"({', '.join(map(str, shape[1:]))}); give data of its shape"
            )

    def request(self, inputs: Tensor) -> bytes:
        """The body that asks about `inputs` `(N, *shape)`; every float32 arrives as it is."""
        values = inputs.detach().to("cpu", torch.float64).flatten().tolist()
        tensor = {"name": self.name, "shape": list(inputs.shape), "datatype": self.datatype, "data": values}
        return json.dumps({"inputs": [tensor]}).encode()

    def outputs(self, answer: Any, rows: int) -> Tensor | dict[str, Tensor]:
        """The outputs in an answer about so many rows: one tensor, or several by name.

        Raises:
            ModelError: They are missing, are no numbers, or are not as many as rows were asked about.
        """
        outputs = answer.get("outputs") if isinstance(answer, dict) else None
        if not isinstance(outputs, list) or not outputs:
            raise ModelError(
                f"the model at {self.where} answers without outputs; it must answer as the Open Inference Protocol does"
            )
        found = {
            str(output.get("name")): _tensor(output, rows, self.where)
            for output in outputs
            if isinstance(output, dict)
        }
        return next(iter(found.values())) if len(found) == 1 else found


def is_oip(address: Address) -> bool:
    """Whether an address has the form that the protocol gives to models."""
    names = address.segments
    model = names[:-2] if names[-2:-1] == ("versions",) else names
    return model[-3:-1] == ("v2", "models")


def port_of(metadata: Any, where: str) -> OipPort:
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
    return OipPort(where, name, datatype, tuple(shape))


def _tensor(output: dict[str, Any], rows: int, where: str) -> Tensor:
    datatype, shape, data = (output.get(key) for key in ("datatype", "shape", "data"))
    kind = (NUMBERS | WHOLE).get(str(datatype))
    if kind is None:
        raise ModelError(f"the model at {where} answers with {datatype}; numbers are needed")
    try:
        values = torch.tensor(data, dtype=kind)
        sizes = [int(size) for size in shape]  # type: ignore[union-attr]  # what is no list raises, and is caught
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
