"""Surrogates for other inputs or classes, mapped as stated."""

import pytest
import torch
from torch import nn

from sparring.errors import UsageError
from sparring.models import load_model
from sparring.threat import Linf
from sparring.transfer import class_order, craft, mapped
from tests.transfer.nets import linear, samples

NET = linear(0, side=8)
SAMPLES = samples(NET, 12)


class _Grey(nn.Module):
    """The same net for grey levels of images of twice the side, its classes in another order."""

    def forward(self, inputs):
        return NET(torch.nn.functional.avg_pool2d(inputs, 2) / 255)[:, [1, 2, 3, 0]]


def test_a_mapped_surrogate_answers_as_the_target_would():
    same = mapped(load_model(_Grey()), size=16, scale=255, order=class_order("abcd", "bcda"))
    smooth = torch.full((2, 3, 8, 8), 0.25)
    assert torch.allclose(same(smooth), NET(smooth), atol=1e-4)
    assert not torch.allclose(mapped(load_model(_Grey()), size=16)(smooth), NET(smooth))


def test_examples_are_made_on_a_mapped_surrogate_as_on_the_net_itself():
    order = mapped(load_model(_Turned()), scale=255, order=class_order("abcd", "bcda"))
    wanted, got = (craft([each], SAMPLES, Linf(8 / 255), "mi", 5).points for each in (NET, order))
    assert torch.allclose(wanted, got, atol=1e-6)


class _Turned(nn.Module):
    def forward(self, inputs):
        return NET(inputs / 255)[:, [1, 2, 3, 0]]


def test_probabilities_are_read_once():
    likely = load_model(lambda inputs: NET(inputs).softmax(1), outputs="probabilities")
    assert torch.allclose(mapped(likely, scale=1)(SAMPLES.inputs), likely(SAMPLES.inputs))


def test_what_cannot_be_mapped_is_refused():
    with pytest.raises(UsageError, match="lacks 2 of those that the samples have, 'a' for one"):
        class_order("abcd", "bc")
    for wrong in ({"size": 0}, {"scale": 0}):
        with pytest.raises(UsageError, match="above zero"):
            mapped(NET, **wrong)
