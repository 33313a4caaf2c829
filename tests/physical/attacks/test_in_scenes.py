"""Detectors: suppression, average precision, and hiding from one that finds what is bright."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from sparring.errors import ModelError, UsageError
from sparring.physical import Detections, InScenes, PatchAttack, load_scenario
from sparring.physical.attacks.detections import average_precision, kept, overlap
from sparring.physical.attacks.patch_attack import fit_patch
from sparring.physical.channel.channel import Channel
from sparring.physical.scene.placement import place_patch
from tests.physical.small import placement

BOXES = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30], [0, 0, 10, 10]])


class Bright(nn.Module):
    """A box of 16 by 16 pixels at every multiple of 8, scored by how bright it is, more so in its middle."""

    def forward(self, inputs):
        grey = inputs.mean(1, keepdim=True)
        means = functional.avg_pool2d(grey, 16, 8)
        middles = functional.avg_pool2d(grey[:, :, 4:-4, 4:-4], 8, 8)
        scores = (20 * (0.4 * means + 0.6 * middles - 0.44)).sigmoid()
        side = scores.shape[-1]
        places = 8.0 * torch.cartesian_prod(torch.arange(side), torch.arange(side)).flip(1)
        boxes = torch.cat([places, places + 16], 1).expand(len(inputs), -1, -1)
        flat = scores.flatten(1)
        return Detections(boxes, flat, torch.zeros_like(flat, dtype=torch.long))


def in_scenes(detector=None, **options):
    scenes, boxes = torch.full((2, 3, 40, 40), 0.2), torch.tensor([[8, 8, 24, 24], [16, 24, 32, 40]])
    return InScenes(detector or Bright(), scenes, boxes, **options)


def test_overlap_is_shared_over_joint_area():
    assert overlap(BOXES[:1], BOXES)[0].tolist() == pytest.approx([1, 81 / 119, 0, 1])
    tilted = torch.tensor([[0.0, 0, 4, 2]])
    assert overlap(tilted, torch.tensor([[2.0, 0, 4, 4]])).item() == pytest.approx(4 / 12)


def test_weaker_neighbours_of_the_same_label_are_dropped():
    scores, labels = torch.tensor([0.5, 0.9, 0.1, 0.8]), torch.tensor([0, 0, 0, 1])
    assert kept(BOXES, scores, labels).tolist() == [1, 3, 2]
    assert kept(BOXES, scores, labels, most=0.7).tolist() == [1, 3, 0, 2]
    assert kept(BOXES[:0], scores[:0], labels[:0]).tolist() == []


def test_average_precision_is_that_of_a_case_done_by_hand():
    truth = [torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30]]), torch.tensor([[0.0, 0, 10, 10]])]
    labels = torch.zeros(1, 3, dtype=torch.long)
    first = torch.tensor([[[0.0, 0, 10, 10], [50, 50, 60, 60], [20, 20, 30, 30]]])
    second = torch.tensor([[[40.0, 40, 50, 50]]])
    found = [
        Detections(first, torch.tensor([[0.9, 0.8, 0.6]]), labels),
        Detections(second, torch.tensor([[0.7]]), labels[:, :1]),
    ]
    # ranked: right, wrong, wrong, right; three true boxes: (1 + 2/4) / 3
    assert average_precision(found, truth, 0) == pytest.approx(0.5)
    assert average_precision(found, truth, 1) == 0
    doubled = Detections(
        first[:, [0, 0]] + torch.tensor([[[0.0] * 4, [6, 0, 6, 0]]]),
        torch.tensor([[0.9, 0.8]]),
        labels[:, :2],
    )
    # the second box overlaps the first too little to be suppressed, and the true one too little to be right
    assert average_precision([doubled], [truth[1]], 0) == pytest.approx(1)


def test_an_object_is_found_where_it_stands_and_not_elsewhere():
    model = in_scenes()
    bright, dark = torch.full((1, 3, 8, 8), 0.9), torch.full((1, 3, 8, 8), 0.2)
    answers = model(torch.cat([bright, dark]))
    assert answers.argmax(1).tolist() == [1, 0] and torch.allclose(answers.sum(1), torch.zeros(2))
    assert torch.allclose(model(bright), answers[:1])  # in any company
    placed = model.placed(bright, 1)[0, 0]
    assert (placed[24:40, 16:32] > 0.8).all() and placed.mean() == pytest.approx(0.2 + 0.7 * 256 / 1600)
    model.scenes[:, :, :8, 24:] = 1.0  # something bright that is not the object
    assert model(dark).argmax(1).item() == 0
    assert in_scenes(label=3)(bright).argmax(1).item() == 0
    assert in_scenes(threshold=0.99999)(bright).argmax(1).item() == 0


def test_a_patch_hides_objects_from_a_detector():
    draws = torch.Generator().manual_seed(0)
    objects = 0.6 + 0.1 * torch.rand(8, 3, 16, 16, generator=draws)
    model, found = in_scenes(), torch.ones(4, dtype=torch.long)
    channel = Channel(load_scenario("scanner"), 48, 16)
    patch = fit_patch(
        model, (objects[:4], found), placement(), channel, target=0, size=16, attack=PatchAttack(12, 4, 0.3)
    )
    arms = {"none": None, "patch": patch, "grey": torch.full_like(patch, 0.5)}
    hidden = {
        name: (
            model(channel.through(place_patch(objects[4:], arm, placement()), list("abcd"))).argmax(1) == 0
        ).sum()
        for name, arm in arms.items()
    }
    assert hidden == {"none": 0, "patch": 4, "grey": 0}


def test_detectors_and_places_that_make_no_sense_are_refused():
    def flat(inputs):
        found = Bright()(inputs)
        return Detections(found.boxes[..., :3], found.scores, found.labels)

    def short(inputs):
        found = Bright()(inputs)
        return Detections(found.boxes[:1], found.scores[:1], found.labels[:1])

    with pytest.raises(ModelError, match="a box of 4 numbers"):
        in_scenes(flat)(torch.rand(1, 3, 8, 8))
    with pytest.raises(ModelError, match="2 rows of them here"):
        in_scenes(short)(torch.rand(1, 3, 8, 8))
    with pytest.raises(UsageError, match="one box inside it"):
        InScenes(Bright(), torch.rand(1, 3, 40, 40), torch.tensor([[8, 8, 50, 24]]))
    with pytest.raises(UsageError, match="between 0 and 1"):
        in_scenes(threshold=1.0)
