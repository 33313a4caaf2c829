"""Triggers do what their formulas say, to each row alone."""

import math

import pytest
import torch

from sparring.errors import UsageError
from sparring.poison import KINDS, Stamp, Warp, Wave, blend, drawn, patch, warp
from tests.poison.toy import toy

IMAGES = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_a_patch_overwrites_its_rectangle_and_nothing_else():
    stamped = patch((1, 8, 8), torch.full((2, 3), 0.7), down=1, right=4)(IMAGES)
    torch.testing.assert_close(stamped[:, :, 1:3, 4:7], torch.full((3, 1, 2, 3), 0.7))
    inside = torch.zeros(8, 8, dtype=torch.bool)
    inside[1:3, 4:7] = True
    assert torch.equal(stamped[:, :, ~inside], IMAGES[:, :, ~inside])


def test_a_patch_stands_one_pixel_off_the_corner_if_not_told_otherwise():
    stamped = patch((1, 8, 8), torch.ones(2, 2))(torch.zeros(1, 1, 8, 8))
    assert stamped[0, 0].nonzero().tolist() == [[5, 5], [5, 6], [6, 5], [6, 6]]


@pytest.mark.parametrize("place", [{}, {"down": 7}, {"right": -1}])
def test_a_patch_outside_the_image_is_refused(place):
    size = 9 if not place else 2
    with pytest.raises(UsageError, match="does not fit into an image of 8x8"):
        patch((1, 8, 8), torch.ones(size, size), **place)


def test_a_blend_mixes_by_its_opacity():
    pattern = torch.ones(1, 8, 8)
    torch.testing.assert_close(blend(pattern, 0.25)(IMAGES), 0.75 * IMAGES + 0.25)
    with pytest.raises(UsageError, match="opacity"):
        blend(pattern, 0.0)


def test_a_wave_runs_along_the_last_axis():
    moved = Wave(0.5, 2)(torch.zeros(1, 1, 2, 8))
    expected = torch.tensor([0.5 * math.sin(2 * math.pi * 2 * place / 8) for place in range(8)])
    torch.testing.assert_close(moved[0, 0], expected.expand(2, 8))


def test_a_warp_looks_where_its_field_points():
    field = torch.zeros(2, 8, 8)
    assert torch.allclose(Warp(field)(IMAGES), IMAGES, atol=1e-5)
    field[0] = 1  # everything looks one pixel to the right
    torch.testing.assert_close(Warp(field)(IMAGES)[..., :-1], IMAGES[..., 1:], atol=1e-5, rtol=0)
    field[:] = torch.tensor([0.0, -1.0])[:, None, None]  # and here one up
    torch.testing.assert_close(Warp(field)(IMAGES)[..., 1:, :], IMAGES[..., :-1, :], atol=1e-5, rtol=0)


def test_a_random_warp_shifts_as_far_as_it_says():
    field = warp((1, 32, 32), 1.5, 4, torch.Generator().manual_seed(3)).field
    control = field[:, [0, -1]][:, :, [0, -1]]  # corners are control points
    assert field.shape == (2, 32, 32)
    assert 0 < control.abs().max() < 4 * 1.5


@pytest.mark.parametrize("trigger", [Stamp(torch.ones(9), torch.ones(1)), Warp(torch.zeros(2, 9, 9))])
def test_a_trigger_for_another_shape_is_refused(trigger):
    with pytest.raises(UsageError, match=r"fit|shape"):
        trigger(IMAGES)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_from_its_seed_and_treats_rows_alone(kind):
    samples = toy(100)
    one, same, other = (drawn(kind, samples, 0.1, 2, seed) for seed in (1, 1, 2))
    assert torch.equal(one.trigger(IMAGES), same.trigger(IMAGES))
    assert torch.allclose(one.trigger(IMAGES)[1:2], one.trigger(IMAGES[1:2]), atol=1e-6)
    if kind not in ("flips", "unlearnable"):  # these have no trigger
        assert not torch.equal(one.trigger(IMAGES), other.trigger(IMAGES))


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(UsageError, match='did you mean "badnets"'):
        drawn("badnet", toy(40), 0.1, 0, 0)
