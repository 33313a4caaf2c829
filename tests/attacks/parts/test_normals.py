"""What is learned of the normal of a flat boundary, from labels; directions of few frequencies."""

import math
from dataclasses import replace
from itertools import count

import pytest
import torch

from sparring.attacks.parts.normals import asked_around, directions, unknown
from sparring.threat import L2
from tests.attacks.parts.test_crossing import run
from tests.known import task_of

INPUTS = torch.full((1, 3, 16, 16), 0.5)
LABELS = torch.zeros(1, dtype=torch.int64)
TASK = task_of(INPUTS, LABELS, L2(1.0))


SMOOTH = directions(TASK, 1, draw=99, frequencies=0.25)


def plane(normal, offset=0.0):
    """On which side of a plane near the inputs points lie."""
    return lambda points: ((points - INPUTS) * normal).flatten(1).sum(1) > offset


@pytest.mark.parametrize("offset", [0.0, 0.003, -0.003], ids=["on", "before", "past"])
def test_the_normal_of_a_plane(offset):
    """Seen from a little past the boundary or before it, too: the offset is learned beside it."""
    normal, asked = run(asked_around(TASK, unknown(TASK), INPUTS, 0.1, 333, count()), plane(SMOOTH, offset))
    assert sum(map(len, asked)) == 333
    found = normal.along(INPUTS)
    assert float((found * SMOOTH).sum() / found.norm()) > 0.85
    assert float(normal.mean[-1].sign()) * offset <= 0


def test_moments_after_one_answer_are_those_of_numbers_drawn():
    """A normal with an offset, told one sign: moments of those that agree with it, of many that were drawn."""
    task = task_of(torch.full((1, 2), 0.5), LABELS, L2(1.0))
    normal = replace(unknown(task), mean=torch.tensor([0.3, -0.2, 0.1]))
    look = torch.tensor([[0.8, 0.6]])
    told = normal.told(look, torch.tensor([-1.0]))
    noise = torch.randn(400_000, 4, generator=torch.Generator().manual_seed(0))
    drawn = normal.mean + noise[:, :3]
    along = torch.cat([look[0], torch.ones(1)]) * normal.prior
    kept = drawn[drawn @ along + 0.3 * along.norm() * noise[:, 3] < 0]
    assert torch.allclose(told.mean, kept.mean(0), atol=0.01)
    assert torch.allclose(told.covariance, kept.T.cov(), atol=0.01)


def test_answers_told_at_once_are_answers_told_one_by_one():
    looks, signs = (
        torch.randn(6, 12, generator=torch.Generator().manual_seed(0)),
        torch.tensor([1.0, -1, -1, 1, 1, -1]),
    )
    first = unknown(task_of(torch.full((1, 12), 0.5), LABELS, L2(1.0)))
    one_by_one = first
    for place in range(6):
        one_by_one = one_by_one.told(looks[place : place + 1], signs[place : place + 1])
    at_once = first.told(looks, signs)
    assert torch.allclose(at_once.mean, one_by_one.mean, atol=1e-5)
    assert torch.allclose(at_once.covariance, one_by_one.covariance, atol=1e-5)


def test_where_every_answer_is_the_same_it_points_there():
    for hit in (True, False):
        normal, asked = run(
            asked_around(TASK, unknown(TASK), INPUTS, 0.1, 10, count()),
            lambda points, hit=hit: torch.full((len(points),), hit),
        )
        mean = (torch.cat(asked) - INPUTS).sum(0)
        assert bool(((normal.along(INPUTS) * mean).sum() > 0) == hit)


def test_what_is_known_is_not_asked_again():
    """Directions leave the mean alone, and waves that were seen vary less than those that were not."""
    normal, asked = run(asked_around(TASK, unknown(TASK), INPUTS, 0.1, 330, count()), plane(SMOOTH))
    early, late = ((torch.cat(few) - INPUTS).flatten(1) for few in (asked[:3], asked[-3:]))
    found = normal.along(INPUTS).flatten()
    assert float((late @ found).abs().mean()) < 0.6 * float((early @ found).abs().mean())
    kept, frequency = normal.covariance.diagonal()[:-1], normal.basis.frequencies(1.0)
    assert float(kept[frequency <= 4].mean()) < 0.6 < 0.8 < float(kept[frequency > 12].mean()) <= 1


def test_what_fades_goes_back_to_what_was_known_at_first():
    first = unknown(TASK)
    normal, _ = run(asked_around(TASK, first, INPUTS, 0.1, 50, count()), plane(SMOOTH))
    one = torch.eye(len(first.prior))
    assert float(first.prior[:-1].square().sum()) == pytest.approx(1.0)
    assert torch.allclose(normal.faded(0.0).mean, first.mean)
    assert torch.allclose(normal.faded(0.0).covariance, one)
    assert torch.allclose(normal.faded(1.0).covariance[:-1, :-1], normal.covariance[:-1, :-1])
    half = normal.faded(0.5)
    assert torch.allclose(half.mean[:-1], normal.mean[:-1] / 2)
    assert torch.allclose(half.covariance[:-1, :-1], (normal.covariance / 4 + 0.75 * one)[:-1, :-1])


def test_another_point_has_another_offset():
    normal, _ = run(asked_around(TASK, unknown(TASK), INPUTS, 0.1, 50, count()), plane(SMOOTH, 0.01))
    assert float(normal.mean[-1]) != 0
    faded = normal.faded(0.9)
    assert float(faded.mean[-1]) == 0
    assert torch.equal(faded.covariance[-1], torch.eye(len(normal.prior))[-1])


def test_of_large_images_the_lowest_frequencies_are_learned():
    inputs = torch.full((1, 3, 40, 40), 0.5)
    normal = unknown(task_of(inputs, LABELS, L2(1.0)))
    assert normal.covariance.shape == (1001, 1001)
    frequencies = normal.basis.frequencies(1.0)
    left = torch.ones(4800, dtype=torch.bool).index_fill(0, normal.which, False)
    assert float(frequencies[normal.which].max()) <= float(frequencies[left].min())


def test_a_list_of_numbers_varies_alike():
    task = task_of(torch.full((1, 12), 0.5), LABELS, L2(1.0))
    assert torch.allclose(unknown(task).prior[:-1], torch.full((12,), 1 / math.sqrt(12)))
    way = torch.randn(1, 12, generator=torch.Generator().manual_seed(1))
    normal, _ = run(
        asked_around(task, unknown(task), task.inputs, 0.1, 200, count()),
        lambda points: ((points - 0.5) * way).sum(1) > 0,
    )
    assert float(torch.cosine_similarity(normal.along(way), way)) > 0.95


def test_looks_keep_to_the_range_and_the_mask_and_only_what_was_asked_is_learned():
    mask = (torch.arange(16) < 8).expand(3, 16, 16)
    inputs = torch.ones_like(INPUTS)
    task = task_of(inputs, LABELS, L2(1.0, mask=mask))
    normal, asked = run(
        asked_around(task, unknown(task), inputs, 0.1, 50, count()),
        lambda points: (points - inputs).flatten(1).sum(1) < -0.3,
    )
    points = torch.cat(asked)
    assert float(points.max()) <= 1
    assert bool((points[..., 8:] == 1).all())
    found = normal.along(inputs)
    assert float(found[..., :8].square().sum()) > 2 * float(found[..., 8:].square().sum())


@pytest.mark.parametrize("frequencies", [1.0, 0.5, 0.01])
def test_directions_have_length_one_and_no_more_frequencies_than_asked_for(frequencies):
    drawn = directions(TASK, 64, draw=0, frequencies=frequencies)
    assert torch.allclose(drawn.flatten(1).norm(dim=1), torch.ones(64), atol=1e-5)
    rank = int(torch.linalg.matrix_rank(drawn.reshape(-1, 16), rtol=1e-4))
    assert rank == {1.0: 16, 0.5: 8, 0.01: 5}[frequencies]
    assert not torch.equal(drawn, directions(TASK, 64, draw=1, frequencies=frequencies))


def test_directions_keep_to_the_mask():
    mask = (torch.arange(16) < 8).expand(3, 16, 16)
    drawn = directions(task_of(INPUTS, LABELS, L2(1.0, mask=mask)), 4, draw=0, frequencies=0.5)
    assert float(drawn[..., 8:].abs().max()) == 0
    assert torch.allclose(drawn.flatten(1).norm(dim=1), torch.ones(4), atol=1e-5)
