"""The certificate of PatchCleanser: its squares cover every patch, and no patch breaks it."""

import pytest
import torch
from torch import nn

from sparring.errors import UsageError
from sparring.physical.patch_cleanser import PatchCleanser


def shade(inputs):
    """Whether most of four corners and the middle are light: robust to one of them."""
    places = inputs.mean(1)[:, [2, 2, 13, 13, 8], [2, 13, 2, 13, 8]]
    votes = (places - 0.5).clamp(-0.3, 0.3).sum(1)
    return torch.stack([-votes, votes], 1)


def scenes(count=40):
    torch.manual_seed(0)
    labels = torch.arange(count) % 2
    return (0.35 + 0.3 * labels[:, None, None, None] + 0.3 * (torch.rand(count, 3, 16, 16) - 0.5)).clamp(
        0, 1
    ), labels


@pytest.mark.parametrize("size", [16, 32, 33])
@pytest.mark.parametrize("patch", [1, 4, 7, 15])
@pytest.mark.parametrize("masks", [2, 3, 6])
def test_every_patch_lies_under_a_square(size, patch, masks):
    cleanser = PatchCleanser(shade, size, patch, masks)
    line = {place for place, _ in cleanser.squares}
    for start in range(size - patch + 1):
        assert any(place <= start and start + patch <= place + cleanser.side for place in line)
    assert max(line) + cleanser.side <= size and len(line) <= masks


def test_certified_pictures_withstand_every_patch_that_is_tried():
    inputs, labels = scenes()
    cleanser = PatchCleanser(shade, 16, 4, 4)
    certified = cleanser.certified(inputs, labels)
    assert 0.3 < certified.float().mean() <= 1
    assert (cleanser.answers(inputs)[certified] == labels[certified]).all()
    for down in (0, 1, 6, 12):
        for across in (0, 1, 6, 12):
            for colour in (0.0, 1.0):
                attacked = inputs.clone()
                attacked[..., down : down + 4, across : across + 4] = colour
                assert (cleanser.answers(attacked)[certified] == labels[certified]).all()


def test_a_model_that_believes_one_pixel_is_not_certified():
    def gullible(inputs):
        return torch.stack([1 - inputs[:, 0, 3, 3], inputs[:, 0, 3, 3]], 1)

    inputs, labels = scenes()
    right = (gullible(inputs).argmax(1) == labels).nonzero().squeeze(1)
    certified = PatchCleanser(gullible, 16, 4, 4).certified(inputs[right], labels[right])
    assert (labels[right] == 1).any() and not certified[labels[right] == 1].any()  # covered, it says 0


def test_answers_do_not_depend_on_the_batch():
    inputs, _ = scenes(12)
    net = nn.Sequential(nn.Flatten(), nn.Linear(768, 4))
    whole, small = (PatchCleanser(net, 16, 5, 3, batch=batch).answers(inputs) for batch in (512, 5))
    assert torch.equal(whole, small)
    assert torch.equal(PatchCleanser(net, 16, 5, 3).answers(inputs[3:4]), whole[3:4])


@pytest.mark.parametrize(
    ("patch", "masks", "said"), [(16, 4, "not smaller"), (0, 4, "not smaller"), (4, 1, "2 masks")]
)
def test_what_makes_no_sense_is_refused(patch, masks, said):
    with pytest.raises(UsageError, match=said):
        PatchCleanser(shade, 16, patch, masks)
