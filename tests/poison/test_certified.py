"""No poisoning that is tried violates a certificate, and the smallest that could is near it."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch

from sparring.data import load_data
from sparring.data.ids import name_samples
from sparring.data.pack import pack
from sparring.errors import UsageError
from sparring.poison.certified import certify, partitions, plurality, ridge, run_off, spreading
from sparring.poison.outlines import outlines
from tests.poison.toy import toy


def _scores(models, classes, samples, seed):
    return torch.randn(samples, models, classes, generator=torch.Generator().manual_seed(seed)).softmax(2)


def test_the_radius_is_half_of_the_gap_and_ties_go_to_the_lower_class():
    votes = torch.eye(3)[torch.tensor([[0, 0, 0, 0, 1, 2, 1], [1, 1, 1, 0, 0, 0, 2]])]
    found = plurality(votes)
    assert found.answers.tolist() == [0, 0]
    # 4 to 2: one change gives 3 to 3, which class 0 still wins; 3 to 3: one vote less and class 1 wins
    assert found.radius.tolist() == [1, 0]
    assert found.accuracy(torch.tensor([0, 1]), 1) == 0.5


@pytest.mark.parametrize("aggregate", [plurality, run_off])
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_no_change_within_the_radius_changes_an_answer(aggregate, classes):
    """Every choice of changed base models, each saying one of its best lies: all that can be done to 5 models."""
    scores = _scores(5, classes, 40, classes)
    found = aggregate(scores)
    assert found.radius.max() >= 1
    tight = _held_and_tight(aggregate, scores, torch.arange(5)[:, None], found)
    assert tight > 0.5 * int((found.radius < 2).sum())


@pytest.mark.parametrize("aggregate", [plurality, run_off])
@pytest.mark.parametrize("classes", [2, 3])
def test_no_changed_part_changes_an_answer_where_parts_feed_several_models(aggregate, classes):
    """Every choice of changed parts, with every lie of all the models that they feed."""
    scores, reach = _scores(8, classes, 30, classes), spreading(4, 2)
    scores[:, :, 1] += 0.2  # so that some answers stand a changed part
    found = aggregate(scores, reach)
    assert found.radius.max() >= 1
    assert _held_and_tight(partial(aggregate, reach=reach), scores, reach, found) > 0


def _held_and_tight(aggregate, scores, reach, found):
    """How many answers one more changed part than the radius can change; none changes within it."""
    lies = torch.stack(
        [torch.tensor(order, dtype=torch.float) for order in itertools.permutations(range(scores.shape[2]))]
    )
    tight = 0
    for row in range(len(scores)):
        radius = int(found.radius[row])
        assert not _can_change(aggregate, scores[row], found.answers[row], reach, radius, lies)
        tight += radius < 2 and _can_change(
            aggregate, scores[row], found.answers[row], reach, radius + 1, lies
        )
    return tight


def _can_change(aggregate, scores, answer, reach, changes, lies):
    """Whether some `changes` parts, whose models may say anything, change the answer."""
    if changes == 0:
        return False
    for parts in itertools.combinations(range(len(reach)), changes):
        models = reach[torch.tensor(parts, dtype=torch.long)].unique()
        orders = list(itertools.product(range(len(lies)), repeat=len(models)))
        said = lies[torch.tensor(orders, dtype=torch.long)]
        moved = scores.repeat(len(said), 1, 1)
        moved[:, models] = said
        if bool((aggregate(moved).answers != answer).any()):
            return True
    return False


def test_a_run_off_answers_with_the_class_that_most_prefer_of_the_two():
    scores = torch.tensor([[[5.0, 0, 4], [5, 0, 4], [0, 5, 4], [0, 5, 4], [0, 4, 5]]])
    assert plurality(scores).answers.tolist() == [0]
    assert run_off(scores).answers.tolist() == [1]


def test_two_changes_can_put_two_classes_ahead_of_the_winner():
    """6, 4 and 4 votes, and everybody's second choice is class 0: one vote to each of the others keeps it out."""
    ways = {0: [2.0, 1, 0], 1: [1.0, 2, 0], 2: [1.0, 0, 2]}
    scores = torch.tensor([ways[each] for each in [0] * 6 + [1] * 4 + [2] * 4])
    found = run_off(scores[None])
    assert (found.answers.tolist(), found.radius.tolist()) == ([0], [1])
    changed = scores.clone()
    changed[0], changed[1] = torch.tensor(ways[1]), torch.tensor(ways[2])
    assert run_off(changed[None]).answers[0] != 0


@pytest.mark.parametrize("aggregate", [plurality, run_off])
def test_planted_samples_within_the_radius_change_nothing(aggregate):
    """Real insertions: bright noise with one label, as many as are certified, into as many parts as they reach."""
    train, test = toy(300), toy(60, seed=3)
    found = certify(train, test, 30, aggregate)
    assert found.accuracy(test.labels, 0) > 0.9
    generator = torch.Generator().manual_seed(0)
    for count in (1, 4, 8):
        for label in range(4):
            new = torch.randint(0, 256, (count, 1, 8, 8), generator=generator, dtype=torch.uint8)
            inputs = torch.cat([(train.inputs * 255).round().byte(), new])
            labels = torch.cat([train.labels, torch.full((count,), label)])
            poisoned = certify(load_data((inputs, labels)), test, 30, aggregate)
            certain = found.radius >= count
            assert torch.equal(poisoned.answers[certain], found.answers[certain])


@pytest.mark.parametrize("spread", [1, 2])
@pytest.mark.parametrize("aggregate", [plurality, run_off])
def test_poison_made_against_one_answer_respects_its_radius(aggregate, spread):
    """Copies of the test sample with the label of the runner-up, each in a part of its own; twice as many do harm."""
    train, test = toy(200), toy(12, seed=3)
    blurred = test.having((test.inputs * 255 * 0.3 + 60).round() / 255)  # so that answers are not unanimous
    found = certify(train, blurred, 20, aggregate, spread)
    harmed = 0
    for row in range(12):
        radius = int(found.radius[row])
        for count in (radius, min(2 * radius + 2, 20 * spread)):
            poisoned = _with_copies(
                train, blurred, row, count, (int(found.answers[row]) + 1) % 4, 20 * spread
            )
            answer = certify(poisoned, blurred.select([row]), 20, aggregate, spread).answers[0]
            assert count > radius or answer == found.answers[row]
            harmed += int(answer != found.answers[row])
    assert harmed > 3


def _with_copies(train, test, row, count, label, parts):
    """`train` and `count` nearly equal copies of a test sample, no two of them in one part."""
    draws, taken, copies = np.random.default_rng(row), set(), []
    image = (test.inputs[row] * 255).round().byte().numpy()
    while len(copies) < count:
        copy = np.clip(image + draws.integers(0, 3, image.shape), 0, 255).astype(np.uint8)
        part = int(partitions(name_samples(copy[None]), parts)[0])
        if part not in taken:
            taken.add(part)
            copies.append(copy)
    inputs = np.concatenate([(train.inputs * 255).round().byte().numpy(), *[each[None] for each in copies]])
    return pack(inputs, np.concatenate([train.labels.numpy(), np.full(count, label)]), source="toy")


def test_every_part_feeds_as_many_models_as_every_model_has_parts():
    reach = spreading(7, 3)
    assert reach.shape == (21, 3)
    assert all(len(row.unique()) == 3 for row in reach)
    assert reach.flatten().bincount().tolist() == [3] * 21
    assert torch.equal(reach, spreading(7, 3))


def test_one_new_sample_changes_one_base_model_only():
    train = toy(100)
    part = partitions(train.ids, 7)
    assert part.tolist() == partitions(train.select(range(99, -1, -1)).ids, 7).flip(0).tolist()
    assert len(part.unique()) == 7


def test_ridge_learns_what_is_linear():
    samples = toy(200)
    assert (
        ridge(samples.inputs, samples.labels, 4)(samples.inputs).argmax(1) == samples.labels
    ).float().mean() > 0.95


def test_more_parts_than_samples_are_refused():
    with pytest.raises(UsageError, match="2 to 50 parts, not 51"):
        certify(toy(50), toy(10), 51, plurality)
    with pytest.raises(UsageError, match="2 to 50 parts, not 60"):
        certify(toy(50), toy(10), 20, plurality, spread=3)


def test_outlines_tell_directions_apart_and_not_brightness():
    upright, lying = torch.zeros(1, 1, 12, 12), torch.zeros(1, 1, 12, 12)
    upright[..., 6:] = 1
    lying[..., 6:, :] = 1
    first, second, dim = outlines(upright), outlines(lying), outlines(upright * 0.3)
    torch.testing.assert_close(first.norm(dim=1), torch.ones(1))
    torch.testing.assert_close(first, dim)
    assert float((first * second).sum()) < 0.1


def test_outlines_leave_tables_and_tiny_images_flat():
    assert torch.equal(outlines(torch.eye(3)), torch.eye(3))
    assert outlines(torch.rand(2, 1, 5, 5)).shape == (2, 25)
