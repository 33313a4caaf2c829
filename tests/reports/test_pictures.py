import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.reports.pictures import SHOWN, change, loudness, picture


def pixels(drawn):
    head, content = drawn.uri.split(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 1, 7), (1, 1, 1), (3, 9, 1)], ids=str)
def test_small_pictures_are_stored_as_they_are(shape):
    levels = torch.randint(256, shape, dtype=torch.uint8)
    drawn = picture(levels / 255, side=128)
    stored = pixels(drawn)
    expected = levels.permute(1, 2, 0).numpy() if shape[0] == 3 else levels[0].numpy()
    assert np.array_equal(stored, expected)
    assert drawn.pixelated
    assert drawn.width % shape[2] == 0, "blown up by a whole factor"
    assert drawn.width // shape[2] == drawn.height // shape[1]
    assert max(drawn.width, drawn.height) <= SHOWN


def test_large_pictures_shrink_and_keep_their_form():
    drawn = picture(torch.rand(3, 200, 400), side=160)
    assert pixels(drawn).shape == (80, 160, 3)
    assert (drawn.width, drawn.height) == (SHOWN, SHOWN // 2)
    assert not drawn.pixelated


def test_no_change_is_grey_and_more_is_brighter():
    original = torch.full((1, 1, 3), 0.5)
    adversarial = torch.tensor([[[0.5, 0.5 + 8 / 255, 0.5 - 8 / 255]]])
    same, up, down = pixels(change(original, adversarial, side=128))[0].astype(int)
    assert same == 128
    assert up > 200
    assert down < 56
    assert abs((up - 127.5) + (down - 127.5)) <= 1


def test_loudness_is_a_whole_factor_that_clips_nothing():
    original = torch.zeros(3, 4, 4)
    assert loudness(original, original + 8 / 255) == 11
    assert loudness(original, original) == 1
    assert loudness(original, original + 1) == 1
    assert loudness(original, original + 1e-9) == 999


def test_picking_pixels_keeps_changes_of_opposite_sign():
    signs = torch.ones(3, 224, 224)
    signs[:, ::2] = -1
    spread = pixels(change(torch.full_like(signs, 0.5), 0.5 + signs * 8 / 255, side=64)).astype(int)
    assert np.abs(spread - 128).min() > 60
