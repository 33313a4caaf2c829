import torch

from sparring.draws import Draws, row_keys
from sparring.training import Mirrored, Shifted

DRAWS = Draws(row_keys(0, [str(row) for row in range(64)]))


def test_shifts_move_each_image_by_its_own_way_and_fill_with_zeros():
    inputs = torch.zeros(64, 2, 9, 9)
    inputs[:, :, 4, 4] = 1
    moved = Shifted(2)(inputs, DRAWS)
    places = moved[:, 0].flatten(1).argmax(1)
    rows, columns = places // 9, places % 9
    assert (moved.sum((1, 2, 3)) == 2).all() and torch.equal(moved[:, 0], moved[:, 1])
    assert set(rows.tolist()) == set(columns.tolist()) == {2, 3, 4, 5, 6} and not torch.equal(rows, columns)
    assert Shifted(2)(torch.ones(64, 1, 9, 9), DRAWS).amin() == 0


def test_half_of_the_images_are_mirrored():
    inputs = torch.arange(4.0).expand(64, 1, 2, 4)
    mirrored = Mirrored()(inputs, DRAWS)
    turned = (mirrored == inputs.flip(-1)).flatten(1).all(1)
    assert 20 < turned.sum() < 44 and ((mirrored == inputs).flatten(1).all(1) ^ turned).all()


def test_a_row_is_changed_alike_whoever_its_mates_are():
    inputs = torch.rand(64, 3, 8, 8)
    augment = Mirrored(Shifted(3))
    assert torch.equal(augment(inputs, DRAWS)[5:9], augment(inputs[5:9], Draws(DRAWS.keys[5:9])))
