"""A model looked into: both signs on nets whose answer is known, the rank among clean models, and bad input."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from sparring.errors import ModelError, UsageError
from sparring.poison import inspect, plant
from sparring.poison.inspection import Inverted, largest_margins, smallest_triggers
from sparring.poison.inspection.inspecting import judged
from sparring.poison.making.victim import trained
from tests.poison.toy import SHORT, corner, toy


class _Backdoor(nn.Module):
    """Answers which half is brighter, but class 2 if the pixel in the corner is white."""

    def forward(self, inputs):
        flat = inputs.flatten(1)
        halves = torch.stack([flat[:, :32].mean(1), flat[:, 32:].mean(1)], 1)
        return torch.cat([halves, 4 * (flat[:, 63:] - 0.8)], 1)


def test_the_largest_margin_of_a_linear_model_is_exact():
    net = nn.Linear(5, 3, bias=False)
    domain = toy(4).domain
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[1.0, 2, 0, 0, -1], [-1, 0, 3, 0, 0], [0, 0, 0, 0, 0]]))
    found = largest_margins(net, _table(domain), 3)
    torch.testing.assert_close(found, torch.tensor([3.0, 3.0, 0.5]), atol=1e-2, rtol=0)


def _table(domain):
    return replace(domain, shape=(5,))


def test_the_smallest_trigger_is_the_pixel_that_opens_the_backdoor():
    samples = toy(40)
    found = smallest_triggers(_Backdoor(), samples.inputs[:32], samples.domain, 3, steps=200)
    assert int(found.sizes.argmin()) == 2
    assert found.opened[2] >= 0.95
    mask = found.masks[2, 0]
    assert mask[7, 7] > 0.5
    assert mask.sum() - mask[7, 7] < 2
    assert found.patterns[2, 0, 7, 7] > 0.8


def test_a_trigger_opens_what_it_says():
    samples = toy(40)
    model, inputs = _Backdoor(), samples.inputs[:32]
    found = smallest_triggers(model, inputs, samples.domain, 3, steps=60)
    put = inputs * (1 - found.masks[2]) + found.masks[2] * found.patterns[2]
    others = model(inputs).argmax(1) != 2
    assert (model(put).argmax(1) == 2)[others].float().mean() == pytest.approx(float(found.opened[2]))


def test_a_backdoored_net_stands_out_among_clean_ones():
    clean = [trained(toy(200, seed=5), recipe=SHORT, seed=seed) for seed in range(5)]
    bad = trained(plant(toy(200), corner(rate=0.1, target=1))[0], recipe=SHORT)
    found = inspect(bad, toy(60, seed=9), clean, level=0.2, steps=60)
    assert (found.verdict, found.suspect, found.p_value) == ("fail", 1, pytest.approx(1 / 6))
    assert found.inverted.sizes[1] < 0.5 * found.usual_sizes[1]


def test_the_p_value_is_exact_if_all_models_are_alike():
    """Every model of a group in turn is the one looked at: each p-value comes once."""
    draws = torch.Generator().manual_seed(0)
    seen = [_signs(torch.randn(4, generator=draws), torch.rand(4, generator=draws) + 0.1) for _ in range(20)]
    values = [judged([seen[place], *seen[:place], *seen[place + 1 :]], 0.05).p_value for place in range(20)]
    assert sorted(values) == pytest.approx([count / 20 for count in range(1, 21)])


def test_both_signs_count():
    usual = [_signs(torch.ones(4) + 0.1 * shift, torch.ones(4) + 0.1 * shift) for shift in torch.rand(19, 4)]
    ahead, easy = torch.ones(4), torch.ones(4)
    ahead[2], easy[3] = 9, 0.01
    assert judged([_signs(ahead, torch.ones(4)), *usual], 0.05).reasons[0].startswith("class 2 leads by far")
    told = judged([_signs(torch.ones(4), easy), *usual], 0.05)
    assert told.reasons[0].startswith("class 3 is opened by a small trigger")


def _signs(margins, sizes):
    return margins, Inverted(sizes[:, None, None, None], torch.zeros(4, 1, 1, 1), torch.ones(4))


def test_without_references_classes_are_ranked():
    found = inspect(_Backdoor(), _three_classes(), steps=100)
    assert (found.verdict, found.p_value, found.suspect) == ("measured", None, 2)


def _three_classes():
    samples = toy(60)
    return samples.select((samples.labels < 3).nonzero()[:, 0])


def test_bad_input_is_told():
    samples = toy(60)
    with pytest.raises(UsageError, match="at least 19 reference models, got 3"):
        inspect(_Backdoor(), samples, [_Backdoor()] * 3)
    with pytest.raises(ModelError, match="knows 3 classes, but the data have 4"):
        inspect(_Backdoor(), samples)
    with pytest.raises(ModelError, match="with gradients"):
        inspect(lambda inputs: torch.rand(len(inputs), 4), samples)
