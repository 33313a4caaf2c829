"""Six small nets for traffic signs, different enough to be surrogates and targets of each other.

Trained once by `trained(name)` and kept in `runs/bench-nets`; on two cores all six take a few minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from _data import found
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sparring.data import Samples, load_data
from sparring.models import Model, load_model
from sparring.threat import Linf
from sparring.training import Recipe, fit, small_net
from sparring.training.augment import Shifted
from sparring.training.optimisers import Adam
from sparring.training.single_step import n_fgsm

__all__ = ["NETS", "signs", "trained"]

KEPT = Path(__file__).resolve().parents[1] / "runs/bench-nets"
CLASSES = 43


def signs(part: str) -> Samples:
    """The signs to learn from (`train_2614`) or to attack (`test_2000`)."""
    return load_data(found(f"data/gtsrb/{part}.npz"))


class Patches(nn.Module):
    """A small vision transformer: 4×4 patches, four layers of attention (Dosovitskiy et al. 2021)."""

    def __init__(self, width: int = 96, layers: int = 4) -> None:
        super().__init__()
        self.cut = nn.Conv2d(3, width, 4, 4)
        self.place = nn.Parameter(0.02 * torch.randn(1, 64, width))
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, CLASSES))

    def forward(self, inputs: Tensor) -> Tensor:
        tokens = self.cut(2 * inputs - 1).flatten(2).transpose(1, 2) + self.place
        return self.head(self.body(tokens).mean(1))


def _stack(*widths: int) -> nn.Sequential:
    """Pairs of convolutions with pooling between them."""
    layers: list[nn.Module] = []
    for before, after in zip((3, *widths), widths, strict=False):
        layers += [
            nn.Conv2d(before, after, 3, 1, 1), nn.BatchNorm2d(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2),
        ]  # fmt: skip
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * (32 >> len(widths)) ** 2, CLASSES))


def _large_windows() -> nn.Sequential:
    """Two wide convolutions without normalisation, and two linear layers."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, 2, 2), nn.ReLU(), nn.Conv2d(32, 64, 5, 2, 2), nn.ReLU(),
        nn.Flatten(), nn.Linear(64 * 64, 128), nn.ReLU(), nn.Linear(128, CLASSES),
    )  # fmt: skip


def _residual() -> nn.Module:
    return small_net(signs("train_2614"))


PLAIN = Recipe(epochs=30, minibatch=32, optimiser=Adam(2e-3), augment=Shifted(3))
ADVERSARIAL = replace(PLAIN, objective=n_fgsm(Linf(4 / 255), warm_up=0.3))

NETS: dict[str, tuple[Callable[[], nn.Module], Recipe]] = {
    "windows": (_large_windows, PLAIN),
    "residual": (_residual, PLAIN),
    "pooled": (lambda: _stack(16, 32, 64), PLAIN),
    "transformer": (Patches, replace(PLAIN, epochs=60, optimiser=Adam(1e-3))),
    "residual-adv": (_residual, ADVERSARIAL),
    "pooled-adv": (lambda: _stack(16, 32, 64), ADVERSARIAL),
}


def trained(name: str) -> Model:
    """The net of that name, trained if it is not kept from an earlier run."""
    make, recipe = NETS[name]
    torch.manual_seed(0)
    net, path = make(), KEPT / f"{name}.safetensors"
    if path.exists():
        net.load_state_dict(load_file(path))
    else:
        net = fit(net, signs("train_2614"), recipe).model
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(net.state_dict(), path)
    return load_model(net.eval().requires_grad_(False)).having(name=name)


if __name__ == "__main__":
    held = signs("test_2000")
    for each in NETS:
        net = trained(each)
        with torch.no_grad():
            right = net(held.inputs).argmax(1) == held.labels
        print(f"{each}: {right.float().mean():.1%} of {len(held)} test images right", flush=True)
