"""Own gradients beside examples from other models: honest ones break more, masked ones are told."""

import pytest
from torch import nn

from sparring.models import load_model
from sparring.threat import Linf
from sparring.transfer import Beside, beside_gradients, craft
from tests.transfer.nets import linear, samples

TARGET, SURROGATE = linear(0), linear(1)
SAMPLES, THREAT = samples(TARGET), Linf(12 / 255)
EXAMPLES = [craft([SURROGATE], SAMPLES, THREAT, "mi", 10).points]


class _Reversed(nn.Module):
    """The same answers, with gradients that point the other way."""

    def forward(self, inputs):
        scores = TARGET(inputs)
        return 2 * scores.detach() - scores


def test_an_honest_net_gives_in_to_its_own_gradients_and_nothing_is_found():
    seen = beside_gradients(TARGET, SAMPLES, THREAT, EXAMPLES, 10)
    assert (seen.right, seen.steps) == (len(SAMPLES), 50)
    assert seen.own >= seen.transferred > 5
    assert (seen.only_transferred, seen.findings) == (0, [])


def test_masked_gradients_are_found():
    seen = beside_gradients(load_model(_Reversed()), SAMPLES, THREAT, EXAMPLES, 10)
    assert seen.transferred > 5
    assert seen.only_transferred > seen.own
    (told,) = seen.findings
    assert (told["id"], told["samples"]) == ("transfer-beats-gradients", seen.only_transferred)


def test_examples_of_another_size_do_not_count():
    larger = [craft([SURROGATE], SAMPLES, Linf(60 / 255), "mi", 10).points]
    assert beside_gradients(TARGET, SAMPLES, THREAT, larger, 10).transferred == 0


def test_samples_that_are_wrong_anyway_do_not_count():
    half = linear(2, flip=[0, 1, 3, 2])
    right = int((half(SAMPLES.inputs).argmax(1) == SAMPLES.labels).sum())
    assert beside_gradients(half, SAMPLES, THREAT, EXAMPLES, 10).right == right < len(SAMPLES)


@pytest.mark.parametrize(("right", "only", "told"), [(10, 3, 0), (10, 4, 1), (500, 10, 0), (500, 11, 1)])
def test_few_samples_are_chance(right, only, told):
    assert len(Beside(right, 0, only, only, 50).findings) == told
