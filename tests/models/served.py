"""The net that the tests of models behind an address serve, the samples it is asked about, and an audit of it."""

from __future__ import annotations

from dataclasses import replace

import torch

import sparring
from sparring.attacks import Square
from tests.models.server import Behaviour

INPUTS = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))


LABELS = net()(INPUTS).argmax(1)


def behaviour(**changes):
    return replace(Behaviour(net(), [-1, 1, 8, 8]), **changes)


def audit(model, **options):
    return sparring.audit(model, (INPUTS, LABELS), "linf:0.02", [Square(20)], **options)
