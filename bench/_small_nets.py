"""Six small nets for traffic signs, different enough to be surrogates and targets of each other.

Trained once by `trained(name)` and kept in `runs/bench-nets`; all six take about twelve minutes of one core.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from _data import found
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sparring.data import Samples, load_data
from sparring.draws import Draws
from sparring.models import Model, load_model
from sparring.threat import Linf
from sparring.training import Recipe, fit, small_net
from sparring.training.optimisers import Adam
from sparring.training.robust.single_step import n_fgsm

__all__ = ["CLASSES", "NETS", "SECOND", "signs", "trained"]

KEPT = Path(__file__).resolve().parents[1] / "runs/bench-nets"
CLASSES = 43
ATTACKED, SPARE = 500, 1000


@lru_cache
def signs(part: str) -> Samples:
    """Traffic signs that fill 32×32 pixels from black to white.

    The files hold small signs in a corner of a black square, and many are dark. Here each is cut out, scaled up, and
    its greys are stretched, as is usual for these data.

    Args:
        part: `attacked`, 500 test images; `spare`, 500 more for probes and thieves; `learned`, 3,614 others for nets.
    """
    train, test = (load_data(found(f"data/gtsrb/{name}.npz")) for name in ("train_2614", "test_2000"))
    pieces = {
        "attacked": (test.inputs[:ATTACKED], test.labels[:ATTACKED]),
        "spare": (test.inputs[ATTACKED:SPARE], test.labels[ATTACKED:SPARE]),
        "learned": (
            torch.cat([train.inputs, test.inputs[SPARE:]]),
            torch.cat([train.labels, test.labels[SPARE:]]),
        ),
    }
    inputs, labels = pieces[part]
    filled = torch.stack([_stretched(_cut_out(each)) for each in inputs])
    return load_data(((255 * filled).round().byte(), labels))


def _cut_out(sign: Tensor) -> Tensor:
    """Without the black below and to the right, at 32×32 again."""
    lit = sign.amax(0) > 0
    high, wide = (int(lit.any(side).nonzero().max()) + 1 for side in (1, 0))
    return F.interpolate(
        sign[None, :, :high, :wide], (32, 32), mode="bicubic", align_corners=False, antialias=True
    )[0]


def _stretched(sign: Tensor) -> Tensor:
    """All but the darkest and the brightest 2% spread over the range."""
    low, high = sign.flatten().quantile(torch.tensor([0.02, 0.98]))
    return ((sign - low) / (high - low).clamp_min(1e-3)).clamp(0, 1)


@dataclass(frozen=True)
class Photographed:
    """Moved, turned, nearer or farther, lighter or darker: each image `(B, C, H, W)` a little, and at random."""

    def __call__(self, inputs: Tensor, draws: Draws) -> Tensor:
        angle, zoom, across, down, light = (2 * draws.uniform(inputs.new_empty(len(inputs), 5)) - 1).unbind(1)
        angle, size = 0.2 * angle, 1 + 0.15 * zoom
        grid = torch.stack(
            [
                torch.stack([size * angle.cos(), -size * angle.sin(), 0.15 * across], 1),
                torch.stack([size * angle.sin(), size * angle.cos(), 0.15 * down], 1),
            ],
            1,
        )
        where = F.affine_grid(grid, list(inputs.shape), align_corners=False)
        moved = F.grid_sample(inputs, where, padding_mode="reflection", align_corners=False)
        return (moved * (0.4 * light).exp()[:, None, None, None]).clamp(0, 1)


class Patches(nn.Module):
    """A small vision transformer: 4×4 patches, four layers of attention (Dosovitskiy et al. 2021)."""

    def __init__(self, width: int = 64, layers: int = 4) -> None:
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
    return small_net(signs("learned"))


PLAIN = Recipe(epochs=8, minibatch=64, optimiser=Adam(3e-3, 1e-3), augment=Photographed())
LONGER = replace(PLAIN, epochs=10, minibatch=32)
AGAINST = n_fgsm(Linf(4 / 255), warm_up=0.3)

NETS: dict[str, tuple[Callable[[], nn.Module], Recipe]] = {
    "windows": (_large_windows, replace(LONGER, epochs=30)),
    "residual": (_residual, LONGER),
    "pooled": (lambda: _stack(16, 32, 64), PLAIN),
    "pooled-adv": (lambda: _stack(16, 32, 64), replace(LONGER, epochs=8, objective=AGAINST)),
    "transformer": (Patches, replace(PLAIN, epochs=20, optimiser=Adam(2e-3, 0.05))),
    "residual-adv": (_residual, replace(LONGER, objective=AGAINST)),
}

SECOND = "transformer-deep"
"""A seventh, for what is said of transformers among themselves."""

_RECIPES = {**NETS, SECOND: (lambda: Patches(48, 6), replace(PLAIN, epochs=20, optimiser=Adam(2e-3, 0.05)))}


def trained(name: str) -> Model:
    """The net of that name, trained if it is not kept from an earlier run."""
    make, recipe = _RECIPES[name]
    torch.manual_seed(0)
    net, path = make(), KEPT / f"{name}.safetensors"
    if path.exists():
        net.load_state_dict(load_file(path))
    else:
        net = fit(net, signs("learned"), recipe).model
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(net.state_dict(), path)
    return load_model(net.eval().requires_grad_(False)).having(name=name)


if __name__ == "__main__":
    held = signs("attacked")
    for each in NETS:
        net = trained(each)
        with torch.no_grad():
            right = net(held.inputs).argmax(1) == held.labels
        print(f"{each}: {right.float().mean():.1%} of {len(held)} test images right", flush=True)
