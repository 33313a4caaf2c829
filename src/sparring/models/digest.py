"""SHA-256 of files and of models in memory: which model was it that was audited?"""

from __future__ import annotations

from hashlib import file_digest, sha256
from pathlib import Path

import torch
from torch import Tensor, nn

__all__ = ["digest_of", "joined", "sha256_of"]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def joined(*digests: str) -> str:
    """One digest for a model that lies in several files."""
    return digests[0] if len(digests) == 1 else sha256("\n".join(digests).encode()).hexdigest()


def digest_of(module: nn.Module) -> str:
    """SHA-256 over names, types, shapes and values of all parameters and buffers of a module."""
    total = sha256(type(module).__qualname__.encode())
    tensors = {name: value for name, value in module.state_dict().items() if isinstance(value, Tensor)}
    for name, tensor in tensors.items():
        values = tensor.detach().cpu().contiguous()
        total.update(f"\n{name} {values.dtype} {tuple(values.shape)}\n".encode())
        total.update(values.reshape(-1).view(torch.uint8).numpy().data)  # the bytes, whatever the type
    return total.hexdigest()
