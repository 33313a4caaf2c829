"""The normal of a flat boundary, from labels; directions of few frequencies."""

from itertools import count

import pytest
import torch

from sparring.attacks.normals import directions, normal_at
from sparring.threat import L2
from tests.attacks.test_crossing import run
from tests.known import task_of

INPUTS = torch.full((1, 3, 16, 16), 0.5)
LABELS = torch.zeros(1, dtype=torch.int64)
TASK = task_of(INPUTS, LABELS, L2(1.0))


@pytest.mark.parametrize("offset", [0.0, 0.01, -0.01], ids=["on", "past", "before"])
def test_the_normal_of_a_plane(offset):
    """Seen from a little past the boundary or before it, too: the mean of the signs is taken off."""
    smooth = directions(TASK, 1, draw=99, frequencies=0.25)
    normal, asked = run(
        normal_at(TASK, INPUTS + offset * smooth, 0.1, 333, count(), frequencies=0.25),
        lambda points: ((points - INPUTS) * smooth).flatten(1).sum(1) > 0,
    )
    assert sum(map(len, asked)) == 333
    assert float((normal * smooth).sum() / normal.norm()) > 0.75


def test_where_every_answer_is_the_same_it_points_there():
    for hit in (True, False):
        normal, asked = run(
            normal_at(TASK, INPUTS, 0.1, 20, count()), lambda points, hit=hit: torch.full((len(points),), hit)
        )
        mean = (torch.cat(asked) - INPUTS).sum(0)
        assert bool(((normal * mean).sum() > 0) == hit)


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
