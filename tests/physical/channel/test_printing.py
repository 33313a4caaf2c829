"""Ink on paper: tones, gamut and dots against the formulas they promise."""

import pytest
import torch

from sparring.physical.channel.optics import lamp, linear, srgb
from sparring.physical.channel.printing import printed
from sparring.physical.scene.scenario import load_scenario


def draw(**values):
    neutral = {"saturation": 1.0, "dot_gain": 0.0, "white": 1.0, "black": 0.0, "halftone": 1e3}
    return load_scenario("scanner").middle().having(**(neutral | values)).draw(["one"])


def grey(value, side=60):
    return torch.full((1, 3, side, side), float(value))


def test_srgb_and_light_are_each_other_undone():
    values = torch.linspace(0, 1, 101)
    assert torch.allclose(srgb(linear(values)), values, atol=1e-5)
    assert linear(torch.tensor(0.5)).item() == pytest.approx(0.2140, abs=1e-4)


def test_a_neutral_printer_gives_back_the_picture():
    scene = torch.rand(1, 3, 20, 20)
    assert torch.allclose(srgb(printed(scene, draw(), 0.1)), scene, atol=1e-4)


def test_paper_bounds_what_comes_back():
    assert printed(grey(0), draw(white=0.9, black=0.05), 1).mean().item() == pytest.approx(0.05, abs=1e-4)
    assert printed(grey(1), draw(white=0.9, black=0.05), 1).mean().item() == pytest.approx(0.9, abs=1e-4)


def test_dot_gain_darkens_half_tones_by_its_own_size():
    half = srgb(torch.tensor(0.5))
    assert printed(grey(half), draw(dot_gain=0.15), 1).mean().item() == pytest.approx(0.35, abs=1e-3)


def test_saturation_pulls_towards_grey_of_the_same_light():
    red = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    half = printed(red, draw(saturation=0.5), 1).flatten()
    assert half.tolist() == pytest.approx([0.5 + 0.2126 / 2, 0.2126 / 2, 0.2126 / 2], abs=1e-3)


@pytest.mark.parametrize("tone", [0.2, 0.5, 0.8])
def test_dots_are_black_and_white_and_keep_the_tone(tone):
    light = srgb(torch.tensor(1 - tone))
    dots = printed(grey(light, 200), draw(halftone=1.0), 0.1)
    inner = ((dots < 0.02) | (dots > 0.98)).float().mean()
    assert inner > 0.5
    assert dots.mean().item() == pytest.approx(1 - tone, abs=0.06)


def test_a_fine_screen_is_averaged_away_and_gradients_pass_dots():
    scene = torch.rand(1, 3, 40, 40)
    assert torch.equal(printed(scene, draw(halftone=6.0), 0.1), printed(scene, draw(), 0.1))
    point = scene.clone().requires_grad_()
    printed(point, draw(halftone=1.0), 0.1).sum().backward()
    smooth = scene.clone().requires_grad_()
    printed(smooth, draw(), 0.1).sum().backward()
    assert torch.allclose(point.grad, smooth.grad)


def test_a_warm_lamp_is_redder_than_a_cold_one():
    warm, cold = lamp(torch.tensor([2700.0, 9000.0]))
    assert warm[0] > 1 > warm[2] and cold[0] < 1 < cold[2]
