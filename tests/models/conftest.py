from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sparring.models.remote import wire


class TinyNet(nn.Module):
    """Two linear layers with batch-norm and dropout: small, but with a mode and with buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(12, 5)
        self.norm = nn.BatchNorm1d(5)
        self.dropout = nn.Dropout(0.5)
        self.last = nn.Linear(5, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.last(self.dropout(torch.relu(self.norm(self.first(inputs.flatten(1))))))


@pytest.fixture
def net() -> TinyNet:
    torch.manual_seed(0)
    return TinyNet().eval()


@pytest.fixture
def inputs() -> Tensor:
    return torch.rand(6, 3, 2, 2, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Export a module to a `.pt2` file; `batch` is a size, or a `Dim` for any size."""

    def export(module: nn.Module, batch: object = None, name: str = "net.pt2") -> Path:
        rows = batch if isinstance(batch, int) else 4
        dynamic = None if isinstance(batch, int) else ({0: batch or torch.export.Dim("batch")},)
        program = torch.export.export(module, (torch.rand(rows, 3, 2, 2),), dynamic_shapes=dynamic)
        torch.export.save(program, tmp_path / name)
        return tmp_path / name

    return export


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that are silent are given up soon."""
    monkeypatch.setattr(wire, "PATIENCE", wire.Patience(first=0.01, longest=0.6, connect=1.0, answer=0.4))
