"""Shadows and beams: what they change, and that the search finds one that a model misreads."""

import pytest
import torch
from torch import nn

import sparring
from sparring.draws import Draws, row_keys
from sparring.engine import Task, search
from sparring.models import load_model
from sparring.physical import Beam, Illumination, LightSearch, Shadow, load_scenario, make_changed_run
from sparring.physical.channel.optics import linear
from sparring.threat import Linf, Untargeted
from tests.physical.small import SIZE, net, pictures

GREY = torch.full((1, 3, 64, 64), 0.6)


def corner(across, down):
    return [(across + 0.6) / 1.2, (down + 0.6) / 1.2]


def test_a_shadow_takes_its_light_inside_the_triangle_whichever_way_round():
    corners = [corner(-0.3, -0.3), corner(0.4, -0.3), corner(-0.3, 0.4)]
    for order in ((0, 1, 2), (2, 1, 0)):
        numbers = torch.tensor([[each for row in order for each in corners[row]]])
        left = linear(Shadow(0.25).cast(GREY, numbers)) / linear(GREY)
        assert left[0, 0, 20, 20].item() == pytest.approx(0.25, abs=0.01)
        assert left[0, 0, 60, 20].item() == pytest.approx(1, abs=1e-4) and left[0, 0, 50, 50].item() > 0.999
        assert (left[0, 0] < 0.6).float().mean().item() == pytest.approx(0.7 * 0.7 / 2, abs=0.02)


def test_corners_in_one_line_throw_no_shadow():
    numbers = torch.tensor([[0.5] * 6])
    assert torch.allclose(Shadow().cast(GREY, numbers), GREY, atol=1e-5)


def test_a_beam_has_its_colour_along_its_line_alone():
    upright_red = torch.tensor(
        [[(645 - 380) / 370, 0.0, 0.75, 0.0]]
    )  # a quarter of a side right of the middle
    gained = Beam(0.5).cast(GREY, upright_red) - GREY
    assert gained[0, 0, :, 47:49].min() > 0.2 and gained[0, 1:].abs().max() < 1e-5
    assert gained[0, :, :, :44].abs().max() < 1e-3


def test_the_search_ends_at_the_best_it_saw_and_is_the_same_in_any_company():
    inputs, labels = pictures(6)
    samples = sparring.load_data((inputs, labels))
    attack, seen = LightSearch(Shadow(0.05), steps=30), []

    def model(points):
        outputs = net()(points)
        seen.append(outputs.detach())
        return outputs

    def found(rows, model):
        part = samples.select(rows)
        threat = Linf(1.0).bind(part.inputs, part.domain)
        task = Task(part.inputs, Untargeted(part.labels), threat, Draws(row_keys(0, part.ids)))
        return search(model, task, attack, retire="never", keep="last").adversarial

    together = found(range(6), net())
    assert torch.allclose(found([4], model)[0], together[4], atol=1e-6)
    margins = [float(each[0].amax() - each[0, labels[4]]) for each in seen]
    last = net()(together[4:5])[0].detach()
    assert float(last.amax() - last[labels[4]]) == pytest.approx(max(margins), abs=1e-4)


def test_light_fools_a_model_that_random_light_does_not():
    draws = torch.Generator().manual_seed(0)
    inputs = 0.5 + 0.05 * torch.rand(3, 3, SIZE, SIZE, generator=draws)
    inputs[..., : SIZE // 2] += 0.05
    samples = sparring.load_data((inputs, torch.zeros(3, dtype=torch.long)))
    attack, told = LightSearch(Shadow(0.2), 25), []
    run = make_changed_run(
        load_model(left_or_right()),
        samples,
        40,
        load_scenario("scanner"),
        Illumination(attack, looks=2),
        photos=1,
        progress=lambda stage, at: told.append((stage, at.step, at.steps)),
    )
    shares = {(each["level"], each["arm"]): each["successes"] for each in run.facts["levels"]}
    assert [shares[level, "shadow"] for level in range(4)] == [3, 3, 3, 3]
    assert shares[1, "none"] == 0 and shares[1, "random"] < 3
    assert run.facts["scenario"]["name"] == "scanner, nothing printed"
    searching = [done for stage, done, _ in told if stage == "throwing a shadow"]
    assert searching == sorted(searching) and searching[-1] == 3 * 2 * 28 and told[-1] == ("judging", 5, 5)


def left_or_right():
    """Class 0 where the left half is brighter, else 1."""
    layer = nn.Linear(3 * SIZE * SIZE, 2)
    half = torch.ones(3, SIZE, SIZE)
    half[..., SIZE // 2 :] = -1
    with torch.no_grad():
        layer.weight.copy_(torch.stack([half.flatten(), -half.flatten()]) / SIZE**2)
        layer.bias.zero_()
    return nn.Sequential(nn.Flatten(), layer).eval()


def test_nothing_is_printed():
    ranges = Illumination(LightSearch(Shadow())).place(load_scenario("scanner")).ranges
    assert [ranges[name][0].low for name in ("black", "white", "saturation", "dot_gain")] == [0, 1, 1, 0]
    assert SIZE == 16 and ranges["jpeg"] == load_scenario("scanner").ranges["jpeg"]
