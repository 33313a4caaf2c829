"""An audit gets through a defence by default, and shows the plain figure beside it."""

import pytest
import torch
from torch import nn

import sparring
from sparring.attacks import APGD
from sparring.defences import JPEG, BitDepth, GaussianNoise
from sparring.demo import nets


@pytest.fixture(scope="module")
def digits():
    return nets.images(12)


def _audited(model, digits, **options):
    run = sparring.audit(model, digits, "linf:0.1", **options)
    return run, run.result["body"]["unadapted"]


def test_a_defence_that_stops_gradients_looks_robust_only_to_who_does_not_know_it(digits):
    bare = sparring.audit(nets.plain(), digits, "linf:0.1")
    run, plain = _audited(nn.Sequential(BitDepth(3), nets.plain()), digits)
    assert plain["ways"] == (BitDepth.way,)
    assert plain["right"] >= run.result["robust"] + 5
    assert run.result["robust"] <= bare.result["robust"] + 1
    (told,) = [each for each in run.result["findings"] if each["id"] == "defence"]
    assert BitDepth.way in told["message"]
    assert f"{plain['robust_accuracy']:.1%}" in told["message"]


def test_a_stage_that_says_nothing_is_treated_the_same_way(digits):
    net = nets.plain()
    run, plain = _audited(lambda inputs: net((inputs * 7).round() / 7), digits)
    assert plain["ways"] == ()
    assert plain["right"] >= run.result["robust"] + 5


def test_what_draws_is_asked_afresh_at_the_last_point(digits):
    few = digits[0][:4], digits[1][:4]
    run, plain = _audited(nn.Sequential(GaussianNoise(0.2), nets.plain()), few, suite=[APGD(3)])
    assert run.result["body"]["randomised"]
    assert run.robust_accuracy <= plain["robust_accuracy"] + 0.5
    assert plain["forwards"] == 26 * run.result["clean_correct"]


def test_without_a_defence_there_is_no_plain_figure(digits):
    run = sparring.audit(nets.plain(), digits, "linf:0.1")
    assert "unadapted" not in run.result["body"]
    assert not [each for each in run.result["findings"] if each["id"] == "defence"]


def test_the_defence_is_left_as_it_was(digits):
    model = nn.Sequential(JPEG(75), nets.plain())
    _audited(model, digits, suite=[APGD(3)], limit=4)
    assert not model[0]._forward_hooks
    inputs = torch.rand(1, 1, 28, 28, requires_grad=True)
    assert model(inputs).requires_grad
