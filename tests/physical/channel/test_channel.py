"""The channel against the second camera, its draws, its gradients and its geometry."""

import pytest
import torch
from torch.nn import functional

from sparring.physical.channel.channel import Channel, pixels_per_mm
from sparring.physical.channel.optics import onto_photo
from sparring.physical.runs.levels import rendered
from sparring.physical.scene.scenario import BUILT_IN, load_scenario

KEYS = ["a", "b", "c"]


def scene(side=48, seed=0):
    """Smooth patches of colour."""
    draws = torch.Generator().manual_seed(seed)
    coarse = 0.2 + 0.6 * torch.rand(3, 3, 3, 3, generator=draws)
    return functional.interpolate(coarse, side, mode="bilinear", align_corners=False)


def inner(seen):
    """Without the outermost pixels, which see some of the paper around the picture."""
    return seen[..., 2:-2, 2:-2]


def neutral(**values):
    """A place that only resamples."""
    still = {"distance": 1000.0, "long_side": 3708.0, "field": 17.85, "framing": 0.0}
    quiet = {"saturation": 1.0, "dot_gain": 0.0, "white": 1.0, "black": 0.0, "halftone": 11.8, "noise": 0.0}
    even = {"gradient": 0.0, "exposure": 0.0, "white_balance": 0.0, "defocus": 0.0, "jpeg": 99.0, "roll": 0.0}
    return load_scenario("scanner").having(**(still | quiet | even | values))


def test_a_neutral_place_gives_back_the_picture():
    seen = Channel(neutral(), 48, 16).through(scene(), KEYS)
    assert inner(seen - functional.avg_pool2d(scene(), 3)).abs().mean() < 0.01


def test_rolled_and_tilted_sheets_are_cut_out_straight():
    seen = Channel(neutral(roll=20.0, yaw=30.0, pitch=-10.0, distance=300.0), 48, 16).through(scene(), KEYS)
    assert inner(seen - functional.avg_pool2d(scene(), 3)).abs().mean() < 0.02


@pytest.mark.parametrize(
    ("name", "value", "darker"),
    [
        ("exposure", -1.0, True),
        ("exposure", 0.5, False),
        ("shadow", 0.5, True),
        ("gradient", 0.5, True),
        ("glare", 0.2, False),
    ],
)
def test_light_goes_the_way_it_says(name, value, darker):
    plain = Channel(neutral(), 48, 16).through(0.5 * scene(), KEYS).mean()
    changed = Channel(neutral(**{name: value}), 48, 16).through(0.5 * scene(), KEYS).mean()
    assert (changed < plain - 0.01) if darker else (changed > plain + 0.01)


def test_blur_and_distance_take_detail():
    board = (
        (torch.arange(48)[:, None] // 12 + torch.arange(48) // 12).remainder(2).float().expand(1, 3, -1, -1)
    )
    sharp, defocused, far = (
        inner(Channel(place, 48, 16).through(board, ["a"])).std()
        for place in (neutral(), neutral(long_side=100.0, defocus=4.0), neutral(distance=120_000.0))
    )
    assert defocused < 0.5 * sharp and far < 0.5 * sharp


def test_a_row_is_the_same_in_any_company_and_another_key_is_another_photo():
    channel = Channel(load_scenario("phone-indoors"), 48, 16)
    together = channel.through(scene(), KEYS)
    assert torch.allclose(channel.through(scene()[1:2], KEYS[1:2]), together[1:2], atol=1e-5)
    assert not torch.allclose(channel.through(scene()[1:2], ["other"]), together[1:2], atol=0.02)


@pytest.mark.parametrize("name", BUILT_IN)
def test_gradients_are_those_of_a_darker_and_a_lighter_picture(name):
    channel = Channel(load_scenario(name).having(jpeg=99.0, noise=0.0), 48, 16)
    point = (0.3 + 0.4 * scene()).requires_grad_()
    channel.through(point, KEYS).mean().backward()
    assert point.grad.isfinite().all()
    with torch.no_grad():
        lighter, darker = (channel.through(point + step, KEYS).mean() for step in (0.03, -0.03))
    assert point.grad.sum().item() == pytest.approx(((lighter - darker) / 0.06).item(), rel=0.2)


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_second_camera_sees_what_the_channel_sees(name):
    cv2 = pytest.importorskip("cv2")
    cv2.setNumThreads(1)
    quiet = {
        "glare": 0.0,
        "shadow": 0.0,
        "gradient": 0.0,
        "framing": 0.0,
        "lens": 0.0,
        "noise": 0.0,
        "motion": 0.0,
    }
    place = load_scenario(name).having(**quiet)
    ours = Channel(place, 48, 16).through(scene(), KEYS)
    theirs = rendered(scene(), place, 48, 16, KEYS, 0)
    apart = inner(ours - theirs).abs().mean((1, 2, 3))
    assert apart.max() < 0.03
    upside_down = inner(ours.flip(-2) - theirs).abs().mean((1, 2, 3))
    assert (upside_down > 2 * apart).all()  # the measure can fail


def test_detail_of_one_pixel_is_as_sharp_as_in_the_second_camera():
    """A channel that blurs more than cameras do makes patches that work in it alone."""
    cv2 = pytest.importorskip("cv2")
    cv2.setNumThreads(1)
    draws = torch.Generator().manual_seed(0)
    board = torch.rand(3, 3, 16, 16, generator=draws).repeat_interleave(3, 2).repeat_interleave(3, 3)
    place = load_scenario("scanner").having(framing=0.0, noise=0.0, gradient=0.0, halftone=20.0, defocus=0.0)
    ours = Channel(place, 48, 16).through(board, KEYS)
    theirs = rendered(board, place, 48, 16, KEYS, 0)
    sharp = inner(theirs).diff(dim=-1).abs().mean()
    assert inner(ours).diff(dim=-1).abs().mean() > 0.85 * sharp
    assert inner(ours - theirs).abs().mean() < 0.03


def test_poses_project_as_a_pinhole_does():
    one = torch.ones(1)
    turned = onto_photo(2 * one, 500 * one, 30 * one, 0 * one, 0 * one)[0]
    right, left = (turned @ torch.tensor([x, 0.0, 1.0]) for x in (100.0, -100.0))
    assert right[0] / right[2] == pytest.approx(1000 * 100 * 0.8660 / (500 - 50), rel=1e-3)
    assert left[0] / left[2] == pytest.approx(-1000 * 100 * 0.8660 / (500 + 50), rel=1e-3)
    assert right[1] == 0


def test_pixels_per_mm_of_a_scanner_are_its_resolution():
    draw = load_scenario("scanner").having(long_side=3708.0).draw(["a"])
    assert pixels_per_mm(draw).item() * 25.4 == pytest.approx(300, rel=2e-3)


def test_a_sheet_is_rolled_in_its_plane():
    one = torch.ones(1)
    rolled = onto_photo(one, 500 * one, 0 * one, 0 * one, 90 * one)[0]
    assert (rolled @ torch.tensor([10.0, 0.0, 1.0]) / 500).tolist() == pytest.approx([0, 10, 1], abs=1e-3)


def test_a_cut_out_that_misses_shows_the_picture_moved():
    ramp = torch.linspace(0.2, 0.8, 48).expand(1, 3, 48, 48)
    place = neutral(framing=0.1)
    draw = place.draw(["a"])
    moved = 0.6 * 0.1 * (2 * float(draw["framing_across"]) - 1)
    straight, missed = (
        inner(Channel(each, 48, 16).through(ramp, ["a"])).mean() for each in (neutral(), place)
    )
    assert (missed - straight).item() == pytest.approx(moved, abs=0.01)


def test_noise_is_as_strong_as_it_says_and_grows_in_the_dark():
    flat = torch.full((1, 3, 48, 48), 0.5)
    spread = [
        inner(Channel(neutral(noise=0.05, level=level, long_side=600.0), 48, 16).through(flat, ["a"])).std()
        for level in (1000.0, 10.0, 1e5)
    ]
    # of white, by the root of the light over the floor, by the slope of sRGB, averaged over 5.7 x 5.7 pixels
    assert spread[0].item() == pytest.approx(0.05 * (0.214 + 0.02) ** 0.5 * 1.08 / 5.7, rel=0.2)
    assert spread[1] > 3 * spread[0] > 9 * spread[2]
