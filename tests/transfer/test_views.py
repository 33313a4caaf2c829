"""Views keep the shape, know their rows only, and do what their papers say."""

import pytest
import torch

from sparring.draws import Draws, row_keys
from sparring.transfer.views import Admixed, Near, Paled, Resized, Shuffled, Spectral, chained

POINTS = torch.rand(5, 3, 12, 16, generator=torch.Generator().manual_seed(1))
DRAWS = Draws(row_keys(0, list("abcde")))
AGES = torch.tensor([0, 1, 2, 7, 7])
VIEWS = {
    "resized": Resized(0.7, 1.0),
    "paled": Paled(),
    "admixed": Admixed(torch.rand(3, 3, 12, 16)),
    "near": Near(0.1, 3),
    "spectral": Spectral(),
    "shuffled": Shuffled(3),
    "chained": chained(Spectral(), Resized(), Shuffled()),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_row_does_not_depend_on_its_mates(name):
    seen = VIEWS[name](POINTS, DRAWS, AGES)
    assert seen.shape == POINTS.shape
    for row in range(len(POINTS)):
        alone = VIEWS[name](POINTS[row : row + 1], Draws(DRAWS.keys[row : row + 1]), AGES[row : row + 1])
        assert torch.allclose(alone[0], seen[row], atol=1e-6)


@pytest.mark.parametrize("name", VIEWS)
def test_gradients_come_back(name):
    points = POINTS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(VIEWS[name](points, DRAWS, AGES).square().sum(), points)
    assert bool(gradient.flatten(1).any(1).all())


@pytest.mark.parametrize("name", ["resized", "spectral", "shuffled", "admixed", "chained"])
def test_another_draw_is_another_view(name):
    first, second = (VIEWS[name](POINTS, DRAWS, AGES + each) for each in (0, 11))
    assert not torch.equal(first, second)


def test_a_whole_image_resized_is_the_image():
    assert torch.allclose(Resized(1.0, 1.0)(POINTS, DRAWS, AGES), POINTS, atol=1e-5)
    assert torch.allclose(Resized(0.5, 0.0)(POINTS, DRAWS, AGES), POINTS, atol=1e-5)


def test_a_resized_image_has_black_around_it():
    seen = Resized(0.5, 1.0)(torch.ones_like(POINTS), DRAWS, AGES)
    share = seen.flatten(1).mean(1)
    assert bool((share < 0.999).all())
    assert bool((share > 0.24).all())


def test_without_a_turn_blocks_only_change_places():
    for cuts in (1, 2, 3):
        seen = Shuffled(cuts, 0.0)(POINTS, DRAWS, AGES)
        assert torch.allclose(seen.flatten(1).sort(1).values, POINTS.flatten(1).sort(1).values, atol=1e-5)
    assert torch.allclose(Shuffled(1, 0.0)(POINTS, DRAWS, AGES), POINTS, atol=1e-5)


def test_powers_of_two():
    assert torch.equal(
        Paled(3)(POINTS, DRAWS, AGES), POINTS * torch.tensor([1, 0.5, 0.25, 0.5, 0.5]).view(5, 1, 1, 1)
    )


def test_the_first_of_every_so_many_is_the_point_itself():
    seen = Near(0.1, 7)(POINTS, DRAWS, AGES)
    assert [torch.equal(a, b) for a, b in zip(seen, POINTS, strict=True)] == [True, False, False, True, True]
    assert float((seen - POINTS).abs().max()) <= 0.1 + 1e-6


def test_without_spread_and_noise_a_spectrum_is_the_image():
    assert torch.allclose(Spectral(0.0, 0.0)(POINTS, DRAWS, AGES), POINTS, atol=1e-5)


def test_a_share_of_one_from_the_pool():
    seen = Admixed(torch.full((1, 3, 12, 16), 2.0), 0.25)(POINTS, DRAWS, AGES)
    assert torch.allclose(seen, POINTS + 0.5)
