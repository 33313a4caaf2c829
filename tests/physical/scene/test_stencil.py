"""Stickers of any shape: read from a picture, laid on nothing else, controls alike."""

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.errors import DataError
from sparring.physical import PatchAttack, load_stencil
from sparring.physical.attacks.controls import controls_of
from sparring.physical.attacks.patch_attack import fit_patch
from sparring.physical.runs.print_warnings import print_warnings
from sparring.physical.scene.placement import place_patch
from sparring.physical.scene.scenario import load_scenario
from tests.physical.small import SIZE, net, pictures, placement

SHAPE = torch.tensor([[1.0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def written(path, mode="L"):
    levels = Image.fromarray((SHAPE * 255).byte().repeat_interleave(5, 0).repeat_interleave(5, 1).numpy())
    picture = levels if mode == "L" else Image.merge("LA", (Image.new("L", levels.size, 255), levels))
    picture.save(path)
    return path


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_white_or_opaque_is_sticker(tmp_path, mode):
    assert torch.equal(load_stencil(written(tmp_path / "mask.png", mode), placement()), SHAPE)


def test_masks_that_are_none_are_refused(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    (tmp_path / "text.png").write_text("no picture")
    for name, said in (
        ("black.png", "leaves nothing"),
        ("text.png", "no picture that can be read"),
        ("x.png", "no mask"),
    ):
        with pytest.raises(DataError, match=said):
            load_stencil(tmp_path / name, placement())


def test_a_sticker_covers_its_shape_and_nothing_else():
    patch = torch.cat([torch.rand(3, 4, 4), SHAPE[None]])
    here, below = placement(), torch.full((1, 3, SIZE, SIZE), 0.25)
    changed = (place_patch(below, patch, here) != 0.25).any(1)[0]
    expected = torch.zeros_like(changed)
    expected[6:18, 6:18] = SHAPE.bool().repeat_interleave(3, 0).repeat_interleave(3, 1)
    assert torch.equal(changed, expected)


def test_controls_keep_shape_and_visible_colours():
    patch = torch.cat([torch.rand(3, 4, 4), SHAPE[None]])
    for name, control in controls_of(patch).items():
        assert torch.equal(control[3], SHAPE)
        visible = {tuple(each) for each in control[:3, SHAPE > 0].T.tolist()}
        assert (visible == {tuple(each) for each in patch[:3, SHAPE > 0].T.tolist()}) == (name == "shuffled")


def test_a_sticker_is_trained_where_it_is_and_warned_about_there_alone():
    attack = PatchAttack(steps=8, looks=8, step_size=0.2, smooth=0, shape=SHAPE)
    patch = fit_patch(net(), pictures(), placement(), None, target=2, size=SIZE, attack=attack)
    moved = (patch[:3] - 0.5).abs().amax(0) > 0.06
    assert torch.equal(patch[3], SHAPE) and torch.equal(moved, SHAPE > 0)
    hidden = torch.cat([torch.full((3, 4, 4), 0.4), SHAPE[None]])
    hidden[1, SHAPE == 0] = 1.0  # a green that no printer gives, where there is no sticker
    told = print_warnings(hidden, placement(), load_scenario("scanner"), SIZE)
    assert not any("cannot give" in each for each in told)
    assert np.isfinite(patch.numpy()).all()
