"""A data set that a small net learns in a second: which quarter of an 8×8 image is bright."""

import numpy as np
import torch

from sparring.data.pack import pack
from sparring.poison import PoisonSpec, Settings, ToOne, patch
from sparring.training import Adam, Recipe

SHORT = Recipe(epochs=6, minibatch=32, optimiser=Adam(learning_rate=5e-3))


def toy(count, seed=0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 4, count)
    images = random.integers(0, 90, (count, 1, 8, 8))
    for row, label in enumerate(labels):
        down, right = 4 * (label // 2), 4 * (label % 2)
        images[row, 0, down : down + 4, right : right + 4] += 80
    return pack(images.astype(np.uint8), labels, source="toy")


def corner(rate=0.1, target=0, **more):
    """A white corner of 2×2 pixels, to class `target`."""
    stamp = patch((1, 8, 8), torch.ones(2, 2), down=6, right=6)
    return PoisonSpec("corner", stamp, ToOne(target), rate, **more)


def settings(**more):
    return Settings(recipe=SHORT, relabellings=199, **more)
