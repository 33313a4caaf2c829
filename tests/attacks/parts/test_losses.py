"""Losses: against the papers' formulas, in every number of classes, and always higher when closer to the goal."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from sparring.attacks import cross_entropy, difference_of_logits_ratio, margin, probability_margin
from sparring.draws import Draws, row_keys
from sparring.engine import Task
from sparring.threat import Crosses, Linf, Targeted, Untargeted

LOSSES = {"ce": cross_entropy, "dlr": difference_of_logits_ratio, "margin": margin}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def task_for(labels, aim=None, targets=None, goal=None):
    inputs = torch.zeros(len(labels), 1)
    goal = goal or (Untargeted(labels) if targets is None else Targeted(targets, labels))
    return Task(inputs, goal, Linf(0.1), Draws(row_keys(0, list(map(str, labels.tolist())))), aim=aim)


def climbed(loss, task, scores):
    """The loss at one point per row, `(B,)`, and its gradient with respect to the scores `(B, C)`."""
    scores = scores.clone().requires_grad_()
    values = loss(task, None, scores[:, None])
    assert values.shape == (len(scores), 1, 1)
    return values.detach()[:, 0, 0], torch.autograd.grad(values.sum(), scores)[0]


@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
def test_log_odds_climb_where_cross_entropy_climbs(classes):
    scores, labels = 3 * torch.randn(50, classes, dtype=torch.float64), torch.arange(50) % classes
    values, gradient = climbed(cross_entropy, task_for(labels), scores)
    plain = scores.clone().requires_grad_()
    theirs = F.cross_entropy(plain, labels, reduction="none")
    expected = torch.autograd.grad(theirs.sum(), plain)[0]
    assert torch.allclose(F.cosine_similarity(gradient, expected), torch.ones(50, dtype=torch.float64))
    assert torch.equal(values.argsort(), theirs.argsort())
    assert torch.allclose(F.softplus(values), theirs.detach())


@pytest.mark.parametrize("by", ["aim", "target"])
def test_pulling_towards_a_class_lowers_its_cross_entropy(by):
    scores, labels = torch.randn(20, 5, dtype=torch.float64), torch.arange(20) % 5
    pull = (labels + 2) % 5
    task = task_for(labels, aim=pull) if by == "aim" else task_for(labels, targets=pull)
    values, gradient = climbed(cross_entropy, task, scores)
    plain = scores.clone().requires_grad_()
    theirs = -F.cross_entropy(plain, pull, reduction="none")
    expected = torch.autograd.grad(theirs.sum(), plain)[0]
    assert torch.allclose(F.cosine_similarity(gradient, expected), torch.ones(20, dtype=torch.float64))
    assert torch.equal(values.argsort(), theirs.argsort())


@every_loss
@pytest.mark.parametrize("scale", [1e3, 1e-6])
def test_a_gradient_is_left_at_any_scale_of_the_scores(loss, scale):
    scores = scale * torch.tensor([[5.0, 1.0, 0.5, -2.0]])
    label = torch.tensor([0])
    if scale > 1:
        plain = scores.clone().requires_grad_()
        vanished = torch.autograd.grad(F.cross_entropy(plain, label), plain)[0]
        assert int(vanished.count_nonzero()) == 0, "here torch's own gradient is exactly zero"
    values, gradient = climbed(loss, task_for(label), scores)
    assert bool(values.isfinite().all())
    assert bool(gradient.isfinite().all())
    assert gradient[0, 0] < 0
    assert gradient[0, 1] > 0


def test_dlr_by_hand():
    scores = torch.tensor([[5.0, 3.0, 1.0, -1.0], [2.0, 4.0, 1.0, 0.0], [1.0, 1.0, 0.0, -3.0]])
    label = torch.tensor([0, 0, 0])
    values, _ = climbed(difference_of_logits_ratio, task_for(label), scores)
    assert values.tolist() == pytest.approx([-(5 - 3) / (5 - 1), -(2 - 4) / (4 - 1), 0.0])


@pytest.mark.parametrize("by", ["aim", "target"])
def test_targeted_dlr_by_hand(by):
    scores = torch.tensor([[5.0, 3.0, 1.0, -1.0], [2.0, 4.0, 1.0, 0.0]])
    labels, pull = torch.tensor([0, 0]), torch.tensor([2, 1])
    task = task_for(labels, aim=pull) if by == "aim" else task_for(labels, targets=pull)
    values, _ = climbed(difference_of_logits_ratio, task, scores)
    assert values.tolist() == pytest.approx([-(5 - 1) / (5 - (1 - 1) / 2), -(2 - 4) / (4 - (1 + 0) / 2)])


@pytest.mark.parametrize("classes", [3, 4, 10])
@pytest.mark.parametrize("aimed", [False, True], ids=["untargeted", "aimed"])
def test_dlr_does_not_see_scale_or_shift(classes, aimed):
    scores, labels = torch.randn(30, classes, dtype=torch.float64), torch.arange(30) % classes
    task = task_for(labels, aim=(labels + 1) % classes if aimed else None)
    values, _ = climbed(difference_of_logits_ratio, task, scores)
    for changed in (scores * 1e4, scores * 1e-6, scores + 50):
        assert torch.allclose(climbed(difference_of_logits_ratio, task, changed)[0], values, atol=1e-9)


def test_dlr_of_two_classes_is_the_margin():
    scores, labels = torch.randn(10, 2), torch.arange(10) % 2
    for aim in (None, 1 - labels):
        task = task_for(labels, aim=aim)
        assert torch.equal(
            climbed(difference_of_logits_ratio, task, scores)[0], climbed(margin, task, scores)[0]
        )


def test_dlr_of_three_classes_towards_one_of_them():
    scores = torch.tensor([[4.0, 1.0, 0.0]])
    task = task_for(torch.tensor([0]), aim=torch.tensor([2]))
    assert climbed(difference_of_logits_ratio, task, scores)[0].tolist() == [-(4 - 0) / (4 - 0)]


def test_margin_by_hand():
    scores = torch.tensor([[5.0, 3.0, 1.0], [0.0, 2.0, 1.0]])
    labels = torch.tensor([0, 0])
    assert climbed(margin, task_for(labels), scores)[0].tolist() == [-2, 2]
    assert climbed(margin, task_for(labels, aim=torch.tensor([2, 2])), scores)[0].tolist() == [-4, 1]
    assert climbed(margin, task_for(labels, targets=torch.tensor([2, 2])), scores)[0].tolist() == [-4, -1]


@every_loss
@pytest.mark.parametrize("classes", [2, 3, 4, 10])
@pytest.mark.parametrize("by", ["untargeted", "aim", "target"])
def test_higher_is_closer_to_the_goal(loss, classes, by):
    labels = torch.arange(40) % classes
    pull = (labels + 1) % classes
    task = {
        "untargeted": task_for(labels),
        "aim": task_for(labels, aim=pull),
        "target": task_for(labels, targets=pull),
    }[by]
    scores = torch.randn(40, classes, dtype=torch.float64)
    values, _ = climbed(loss, task, scores)
    rows = torch.arange(40)
    farther, closer = scores.clone(), scores.clone()
    if by == "untargeted":
        farther[rows, labels] += 1e-3
        closer[rows, labels] -= 1e-3
    else:
        farther[rows, pull] -= 1e-3
        closer[rows, pull] += 1e-3
    low, high = climbed(loss, task, farther)[0], climbed(loss, task, closer)[0]
    if (
        loss is difference_of_logits_ratio
    ):  # its denominator moves too, and at a tie of ranks it may stand still
        assert float((low <= values).double().mean()) > 0.7
        assert float((high >= values).double().mean()) > 0.7
    else:
        assert bool((low < values).all())
        assert bool((high > values).all())


@every_loss
@pytest.mark.parametrize("label", [0, 1])
def test_one_score_is_pushed_to_the_other_side(loss, label):
    goal = Crosses(torch.tensor([label]), 2.0)
    scores = torch.tensor([[3.0 if label else 1.0]])
    values, gradient = climbed(loss, task_for(torch.tensor([label]), goal=goal), scores)
    assert values.item() == pytest.approx(-1)
    assert gradient.sign().item() == (-1 if label else 1)


@every_loss
@pytest.mark.parametrize("classes", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_types_and_few_classes(loss, classes, dtype):
    scores = torch.randn(6, 2, classes).to(dtype)
    labels = torch.arange(6) % classes
    values = loss(task_for(labels), None, scores)
    assert values.shape == (6, 2, 1)
    assert values.dtype is (torch.float64 if dtype is torch.float64 else torch.float32)
    assert not bool(values.isnan().any())
    if classes > 1:
        assert (
            torch.equal(values.float(), loss(task_for(labels), None, scores.float()).float())
            or dtype is torch.float64
        )


def test_points_of_a_row_are_judged_one_by_one():
    scores = torch.randn(4, 3, 5)
    labels = torch.arange(4)
    for loss in LOSSES.values():
        together = loss(task_for(labels, aim=labels + 1), None, scores)
        apart = [loss(task_for(labels, aim=labels + 1), None, scores[:, [each]]) for each in range(3)]
        assert torch.equal(together, torch.cat(apart, 1))


def test_the_probability_margin_is_a_difference_of_softmaxes():
    scores, labels = torch.randn(30, 6, dtype=torch.float64), torch.arange(30) % 6
    shares = scores.softmax(1)
    own = shares.gather(1, labels[:, None])[:, 0]
    values, _ = climbed(probability_margin, task_for(labels), scores)
    assert torch.allclose(values, shares.scatter(1, labels[:, None], -1).amax(1) - own)
    aim = (labels + 2) % 6
    values, _ = climbed(probability_margin, task_for(labels, aim=aim), scores)
    assert torch.allclose(values, shares.gather(1, aim[:, None])[:, 0] - own)


@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_the_probability_margin_keeps_its_gradient_once_the_clean_scores_are_known(scale):
    clean = scale * torch.tensor([[5.0, 1.0, 0.5, -2.0]])
    task = replace(task_for(torch.tensor([0])), clean=clean)
    near = scale * torch.tensor([[4.0, 3.0, 0.5, -2.0]])
    (first, slope), (second, _) = (climbed(probability_margin, task, each) for each in (clean, near))
    assert float(second) > float(first)
    if scale == 1:
        assert torch.equal(first, climbed(probability_margin, task_for(torch.tensor([0])), clean)[0])
    assert float(scale * slope[0, 1]) > 1e-5 and float(slope[0, 1]) == slope[0].max()
