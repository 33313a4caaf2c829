"""Towards a wanted class: its score is what is climbed."""

import torch

from sparring.attacks import cross_entropy
from sparring.draws import Draws
from sparring.engine import Task
from sparring.threat import Linf, Targeted
from sparring.transfer import craft
from sparring.transfer.targeted import wanted_score
from tests.transfer.nets import linear, samples

SURROGATE = linear(1)
SAMPLES = samples(linear(0))
WANTED = (SAMPLES.labels + 1) % 4


def test_it_is_the_score_of_the_class_at_every_point():
    goal = Targeted(torch.tensor([2, 1]), torch.tensor([0, 0]))
    task = Task(torch.zeros(2, 1), goal, Linf(0.1), Draws(torch.arange(2)))
    scores = torch.tensor([[[0.0, 3.0, 1.0], [5.0, 6.0, 7.0]]]).repeat(2, 1, 1)
    assert wanted_score(task, None, scores).tolist() == [[[1.0], [7.0]], [[3.0], [6.0]]]


def test_examples_with_targets_climb_it_unless_another_loss_is_given():
    score, likely = (
        craft([SURROGATE], SAMPLES, Linf(4 / 255), "mi", 3, targets=WANTED, **given).points
        for given in ({}, {"loss": cross_entropy})
    )
    assert not torch.equal(score, likely)
    highest, lower = (SURROGATE(points).gather(1, WANTED[:, None]).mean() for points in (score, likely))
    assert highest > lower
