"""Defences: modules that change what a model sees, each with the way in which an attacker gets through it.

Put one before a model, `torch.nn.Sequential(JPEG(75), net)`, and audit that. Hardly any of them protects; that is what
they are here to show.
"""

from sparring.defences.chances import CropRescale, GaussianNoise, RandomMix, RandomResizePad
from sparring.defences.coded import Thermometer
from sparring.defences.fixed import JPEG, BitDepth, GaussianFilter, MedianFilter, TotalVariation
from sparring.defences.local_gradients import LocalGradients
from sparring.defences.purifying import Purified
from sparring.defences.several import NoiseVote, ViewVote

__all__ = [
    "JPEG",
    "BitDepth",
    "CropRescale",
    "GaussianFilter",
    "GaussianNoise",
    "LocalGradients",
    "MedianFilter",
    "NoiseVote",
    "Purified",
    "RandomMix",
    "RandomResizePad",
    "Thermometer",
    "TotalVariation",
    "ViewVote",
]
