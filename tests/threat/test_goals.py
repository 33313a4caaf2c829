"""When an output counts, and how far it is from counting."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sparring.threat import Crosses, Targeted, Untargeted


def goals(labels, classes):
    yield Untargeted(labels)
    yield Targeted((labels + 1) % classes, labels)


@given(
    classes=st.sampled_from([2, 3, 4, 10, 1000]),
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_the_sign_of_the_margin_says_whether_the_goal_is_reached(classes, seed, scale):
    generator = torch.Generator().manual_seed(seed)
    outputs = scale * torch.randn(6, 3, classes, generator=generator)
    labels = torch.randint(classes, (6,), generator=generator)
    for goal in goals(labels, classes):
        margin, reached = goal.margin(outputs), goal.reached(outputs)
        assert reached.shape == margin.shape == (6, 3)
        assert bool(reached[margin > 0].all())
        assert not bool(reached[margin < 0].any())
        assert goal.scores(outputs) is outputs


@given(seed=st.integers(0, 10**6), threshold=st.sampled_from([0.0, -3.0, 1e4]), flat=st.booleans())
def test_crossing_a_threshold_from_either_side(seed, threshold, flat):
    generator = torch.Generator().manual_seed(seed)
    outputs = threshold + torch.randn(6, 3, generator=generator)
    goal = Crosses(torch.tensor([0, 1, 0, 1, 0, 1]), threshold)
    shown = outputs if flat else outputs[..., None]
    expected = torch.where(goal.labels[:, None] == 1, outputs <= threshold, outputs > threshold)
    assert torch.equal(goal.reached(shown), expected)
    margin = goal.margin(shown)
    assert bool(expected[margin > 0].all())
    assert not bool(expected[margin < 0].any())
    assert torch.equal(goal.scores(shown).argmax(-1) != goal.labels[:, None], expected)


def test_a_threshold_per_row():
    goal = Crosses(torch.tensor([1, 1]), torch.tensor([0.0, 5.0]))
    assert goal.reached(torch.tensor([[[3.0]], [[3.0]]])).tolist() == [[False], [True]]


def test_exactly_at_the_threshold_counts_as_below():
    at = torch.zeros(2, 1, 1)
    assert Crosses(torch.tensor([0, 1])).reached(at).tolist() == [[False], [True]]


@pytest.mark.parametrize("classes", [1, 2, 3, 10])
@pytest.mark.parametrize("place", ["true class", "another"])
def test_nan_is_never_a_success(classes, place):
    outputs = torch.zeros(1, 1, classes)
    outputs[0, 0, 0 if place == "true class" else -1] = torch.nan
    label = torch.tensor([0])
    assert not bool(Untargeted(label).reached(outputs).any())
    for target in range(classes):
        assert not bool(Targeted(torch.tensor([target]), label).reached(outputs).any())


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("label", [0, 1])
def test_one_score_that_is_no_number_is_never_a_success(value, label):
    goal = Crosses(torch.tensor([label]))
    assert not bool(goal.reached(torch.full((1, 1, 1), value)).any())


def test_any_error_against_one_class():
    outputs = torch.tensor([[[0.0, 2.0, 1.0]]])
    label = torch.tensor([0])
    assert Untargeted(label).reached(outputs).item() is True
    assert Targeted(torch.tensor([2]), label).reached(outputs).item() is False
    assert Targeted(torch.tensor([1]), label).reached(outputs).item() is True
    assert Untargeted(label).margin(outputs).item() == 2
    assert Targeted(torch.tensor([2]), label).margin(outputs).item() == -1
    assert Targeted(torch.tensor([1]), label).margin(outputs).item() == 1


def test_a_single_class_is_never_left():
    outputs = torch.tensor([[[3.0]]])
    goal = Untargeted(torch.tensor([0]))
    assert not bool(goal.reached(outputs).any())
    assert goal.margin(outputs).item() == -torch.inf


def test_what_is_wanted():
    labels = torch.tensor([1, 0])
    assert Untargeted(labels).wanted is None
    assert Crosses(labels).wanted is None
    assert Targeted(1 - labels, labels).wanted.tolist() == [0, 1]
