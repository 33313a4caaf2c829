"""Measures of visibility against published values."""

import pytest
import torch

from sparring.transfer.stealth import ciede2000, colour_difference, structural_similarity

# Sharma, Wu & Dalal 2005, table 1 (some of its pairs)
PAIRS = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
    ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
    ((50, -0.001, 2.49), (50, 0.0009, -2.49), 4.8045),
    ((50, -0.001, 2.49), (50, 0.0011, -2.49), 4.7461),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (61, -5, 29), 22.8977),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("first", "second", "wanted"), PAIRS)
def test_the_published_differences(first, second, wanted):
    seen = ciede2000(torch.tensor([first]), torch.tensor([second]))
    assert float(seen) == pytest.approx(wanted, abs=1e-4)


def test_known_colours():
    white, black = torch.ones(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    assert float(colour_difference(white, black)) == pytest.approx(100, abs=0.01)
    assert float(colour_difference(white[:, :1], black[:, :1])) == pytest.approx(100, abs=0.01)
    assert float(colour_difference(white, white)) == 0


def test_similarity_of_equal_and_of_constant_images():
    images = torch.rand(2, 3, 16, 16)
    assert torch.allclose(structural_similarity(images, images), torch.ones(2))
    light, dark = torch.full((1, 1, 12, 12), 0.8), torch.full((1, 1, 12, 12), 0.4)
    wanted = (2 * 0.8 * 0.4 + 1e-4) / (0.64 + 0.16 + 1e-4)  # the term of structure is one
    assert float(structural_similarity(light, dark)) == pytest.approx(wanted, abs=1e-4)


def test_small_images_have_a_similarity():
    assert float(structural_similarity(torch.rand(1, 1, 4, 4), torch.rand(1, 1, 4, 4))) < 1
