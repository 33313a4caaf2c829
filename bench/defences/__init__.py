"""Defences that fool attacks, around plain nets, for measuring what tells them from robust models.

Each is written as a user might write it. None withstands an attacker who has read its code, save one bit of
MNIST.
"""

from __future__ import annotations

from collections.abc import Callable

from defences.activations import saturated, winners_take_all
from defences.backwards import anti_adversary, flipped
from defences.coded import thermometer
from defences.defence import Defence
from defences.filtered import jpeg, jpeg_of_random_quality, median
from defences.noisy import input_noise, input_noise_in_colour, logit_noise, pruned, resized
from defences.quantised import eight_bits, one_bit, three_bits, two_bits
from defences.scores import distilled, labels_only, rejecting, rounded, scaled

__all__ = ["BANK", "Defence"]

BANK: tuple[Callable[[], Defence], ...] = (
    one_bit,
    two_bits,
    three_bits,
    eight_bits,
    thermometer,
    jpeg,
    jpeg_of_random_quality,
    median,
    resized,
    input_noise,
    input_noise_in_colour,
    logit_noise,
    winners_take_all,
    saturated,
    pruned,
    scaled,
    distilled,
    rounded,
    labels_only,
    rejecting,
    flipped,
    anti_adversary,
)
"""Makers, because some read weights."""
