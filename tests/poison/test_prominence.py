"""Groups to look at: read from scores alone, where something stands out and how much of it."""

import torch

from sparring.poison.prominence import EVERYWHERE, prominent_groups

LABELS = torch.arange(4).repeat(100)


def _groups(scores, labels=LABELS):
    return prominent_groups(scores, labels, torch.Generator().manual_seed(0))


def _lifted(label, count, height=1.0):
    scores = torch.rand(400, generator=torch.Generator().manual_seed(1))
    lifted = (label == LABELS).nonzero()[:count, 0]
    scores[lifted] += height
    return scores, lifted


def test_the_class_that_stands_out_weighs_most_and_its_size_is_seen():
    scores, lifted = _lifted(label=2, count=20)
    groups = {group.label: group for group in _groups(scores)}
    assert groups[2].weight == 1
    assert sorted(groups[label].weight for label in (0, 1, 3)) == [1 / 4, 1 / 3, 1 / 2]
    assert min(groups[2].sizes) >= 10
    assert max(groups[2].sizes) <= 34
    assert set(lifted.tolist()) == set(groups[2].rows[:20].tolist())


def test_all_classes_together_take_the_same_share_of_each():
    group = _groups(_lifted(label=2, count=20)[0])[-1]
    assert (group.label, group.weight) == (EVERYWHERE, 1 / 16)
    assert LABELS[group.rows[:40]].bincount().tolist() == [10, 10, 10, 10]
    assert max(group.sizes) <= 200


def test_every_group_has_every_sample_once():
    for group in _groups(torch.rand(400)):
        own = range(400) if group.label == EVERYWHERE else (group.label == LABELS).nonzero()[:, 0].tolist()
        assert sorted(group.rows.tolist()) == list(own)


def test_equal_scores_come_in_a_drawn_order():
    first, again = (
        prominent_groups(torch.zeros(400), LABELS, torch.Generator().manual_seed(seed))[0].rows
        for seed in (0, 1)
    )
    assert not torch.equal(first, again)
    assert first.tolist() != sorted(first.tolist())


def test_classes_of_unlike_size_are_compared_at_the_same_share():
    """The large class has more high scores, but no larger share of them."""
    labels = torch.tensor([0] * 40 + [1] * 400 + [2] * 40)
    scores = torch.cat([torch.linspace(0, 1, count) for count in (40, 400, 40)])
    scores[:8] += 1
    assert {group.label: group.weight for group in _groups(scores, labels)}[0] == 1


def test_a_tiny_class_is_not_looked_at():
    labels = torch.tensor([0] * 9 + [1] * 91)
    assert {group.label: group.sizes for group in _groups(torch.rand(100), labels)}[0] == ()
