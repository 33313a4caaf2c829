"""Models that answer in steps are told from those with slopes, without asking anybody who charges."""

import pytest
import torch

import sparring
from sparring.evaluation.trial.boxes import answers_in_boxes

ROWS = torch.rand(40, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 1, 10, 100, 0])
LABELS = (ROWS[:, 0] > 0.5).long()
SAMPLES = sparring.load_data((ROWS, LABELS))


def steps(points):
    score = (points[:, 0] > 0.5).float() + (points[:, 2] > 3).float()
    return torch.stack([1 - score, score], 1)


def slopes(points):
    return torch.stack([points[:, 0], 1 - points[:, 0]], 1)


def rounded(points):
    return (slopes(points) * 100).round() / 100


@pytest.mark.parametrize(("model", "flat"), [(steps, True), (slopes, False), (rounded, True)])
def test_what_answers_the_same_nearby_is_flat(model, flat):
    assert answers_in_boxes(sparring.load_model(model), SAMPLES) is flat


def test_who_is_paid_for_each_row_is_not_asked():
    def never(points):
        raise AssertionError("asked")

    model = sparring.load_model(never)
    model.padded = False
    assert not answers_in_boxes(model, SAMPLES)
