"""Where a patch lies, in millimetres, and pictures with it."""

import pytest
import torch

from sparring.errors import UsageError
from sparring.physical.attacks.controls import controls_of
from sparring.physical.scene.placement import place_patch
from tests.physical.small import placement


def test_a_patch_lies_where_it_says_and_nowhere_else():
    here = placement(left=6, top=18)
    patch = torch.rand(3, *here.features)
    pictures = place_patch(torch.full((2, 3, 16, 16), 0.25), patch, here)
    assert pictures.shape == (2, 3, here.pixels, here.pixels) and here.pixels == 24
    assert torch.equal(pictures[1, :, 9:21, 3:15], patch.repeat_interleave(3, 1).repeat_interleave(3, 2))
    covered = torch.zeros(24, 24, dtype=torch.bool)
    covered[9:21, 3:15] = True
    assert torch.allclose(pictures[:, :, ~covered], torch.tensor(0.25))
    assert here.share == pytest.approx(0.25)


def test_grey_pictures_become_colour_and_no_patch_is_no_change():
    pictures = place_patch(torch.rand(2, 1, 16, 16), None, placement())
    assert pictures.shape[1] == 3 and torch.equal(pictures[:, 0], pictures[:, 2])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"width": 50}, "larger than the picture of 48 mm"),
        ({"left": 30}, "reaches over the edge"),
        ({"top": -1}, "reaches over the edge"),
        ({"feature": 30}, "does not fit into a patch"),
        ({"feature": 0}, "more than 0 mm"),
    ],
)
def test_impossible_places_are_refused(change, said):
    with pytest.raises(UsageError, match=said):
        placement(**change)


def test_controls_have_the_size_and_the_shuffled_one_the_colours():
    patch = torch.rand(3, 4, 5)
    controls = controls_of(patch)
    assert set(controls) == {"grey", "random", "shuffled"}
    assert all(each.shape == patch.shape for each in controls.values())
    colours = {tuple(each) for each in patch.flatten(1).T.tolist()}
    assert {tuple(each) for each in controls["shuffled"].flatten(1).T.tolist()} == colours
    assert not torch.equal(controls["shuffled"], patch)
