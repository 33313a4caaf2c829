"""Edits of images do what their names say, and let gradients through where they promise it."""

import pytest
import torch

from sparring.images import (
    crop,
    fewer_bits,
    gaussian_blur,
    jpeg,
    less_variation,
    median_blur,
    place,
    resize,
    smooth_jpeg,
)  # fmt: skip


def _scene(channels=3, height=24, width=20):
    """Smooth waves with some noise, as in photographs; sides that are no multiple of 8."""
    across = torch.linspace(0, 6, width)
    down = torch.linspace(0, 4, height)[:, None]
    waves = torch.stack([torch.sin(across + down * (1 + each)) for each in range(channels)])
    return (0.5 + 0.35 * waves + 0.05 * torch.randn(2, channels, height, width)).clamp(0, 1)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("quality", [20, 75, 92])
def test_the_differentiable_jpeg_is_that_of_pillow_where_it_rounds(channels, quality):
    scene = (_scene(channels, 32, 48) * 255).round() / 255
    apart = 255 * (smooth_jpeg(scene, quality, torch.round) - jpeg(scene, quality)).abs()
    assert apart.mean() < 2
    # far less than what the compression itself changes
    assert apart.mean() < 0.3 * 255 * (scene - jpeg(scene, quality)).abs().mean()


def test_jpeg_keeps_odd_sizes_and_has_a_gradient_if_smooth():
    scene = _scene(3, 21, 19).requires_grad_()
    assert jpeg(scene).shape == smooth_jpeg(scene).shape == scene.shape
    assert not jpeg(scene).requires_grad
    smooth_jpeg(scene, 50).square().sum().backward()
    assert scene.grad.isfinite().all()
    assert (scene.grad.abs().sum((2, 3)) > 0).all()


def test_jpeg_of_no_images_is_no_images():
    assert jpeg(torch.empty(0, 3, 8, 8)).shape == (0, 3, 8, 8)


def test_bits_are_levels_with_the_gradient_of_the_identity():
    scene = _scene().requires_grad_()
    rounded = fewer_bits(scene, 3)
    assert len(rounded.unique()) == 8
    assert (rounded - scene).abs().max() <= 0.5 / 7 + 1e-6
    rounded.sum().backward()
    assert (scene.grad == 1).all()


def test_a_blur_keeps_the_mean_and_lowers_the_variance():
    scene = _scene()
    blurred = gaussian_blur(scene, 1.0)
    assert blurred.shape == scene.shape
    torch.testing.assert_close(gaussian_blur(torch.full_like(scene, 0.3), 2.0), torch.full_like(scene, 0.3))
    assert (blurred.diff().abs().mean() < 0.7 * scene.diff().abs().mean()).all()


def test_the_median_removes_a_lonely_pixel():
    scene = torch.full((1, 1, 7, 7), 0.4)
    scene[0, 0, 3, 3] = 1.0
    assert (median_blur(scene, 3) == 0.4).all()
    assert median_blur(_scene(), 5).shape == _scene().shape


def test_less_variation_lowers_the_objective_it_names():
    scene, weight = _scene(1), 0.1

    def objective(image):
        jumps = image.diff(dim=-1).abs().sum() + image.diff(dim=-2).abs().sum()
        return 0.5 * (image - scene).square().sum() + weight * jumps

    once, often = less_variation(scene, weight, 20), less_variation(scene, weight, 400)
    assert objective(often) <= objective(once) < 0.8 * objective(scene)
    # nothing near the end does better
    for _ in range(20):
        assert objective(often + 0.003 * torch.randn_like(often)) > objective(often)


def test_places_and_sizes():
    scene = _scene(3, 8, 8)
    grown = place(scene, 2, 1, 12, 11)
    assert grown.shape == (2, 3, 12, 11)
    assert torch.equal(crop(grown, 2, 1, 8, 8), scene)
    assert grown.sum() == pytest.approx(float(scene.sum()), rel=1e-6)
    assert resize(scene, 4, 6).shape == (2, 3, 4, 6)
