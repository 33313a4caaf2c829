"""Where climbs start: in the set, at its edge, and the same for a sample whoever shares the batch."""

import pytest
import torch

from sparring.attacks.parts.starts import blocks, boundary, vertex
from sparring.domain import Domain
from sparring.tensors import take
from sparring.threat import L1, L2, Linf
from tests.known import task_of

STARTS = {"boundary": boundary, "vertex": vertex, "blocks": blocks}
every_start = pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)


def _task(threat, shape=(3, 14, 14), rows=6):
    inputs = 0.3 + 0.4 * torch.rand(rows, *shape)
    return task_of(inputs, torch.zeros(rows, dtype=torch.int64), threat, Domain(0.0, 1.0, None, shape))


@every_start
@pytest.mark.parametrize("threat", [Linf(0.1), L2(0.5), L1(3.0)], ids=["linf", "l2", "l1"])
def test_starts_lie_at_the_edge_of_the_threat(start, threat):
    task = _task(threat)
    first = start(task)
    assert bool(task.threat.contains(first, task.inputs).all())
    away = task.threat.distance(first, task.inputs)
    assert torch.allclose(away, torch.full_like(away, threat.eps), rtol=1e-4)


@every_start
def test_a_start_depends_on_its_sample_alone(start):
    task = _task(Linf(0.1))
    first = start(task)
    assert torch.equal(first, start(task)) and not torch.equal(
        first[0] - task.inputs[0], first[1] - task.inputs[1]
    )
    few = torch.tensor([4, 1])
    assert torch.equal(first[few], start(take(task, few)))


def test_a_vertex_moves_every_coordinate_as_far_as_it_may():
    task = _task(Linf(0.1))
    change = vertex(task) - task.inputs
    assert (
        torch.allclose(change.abs(), torch.full_like(change, 0.1))
        and 0.4 < float((change > 0).float().mean()) < 0.6
    )


@pytest.mark.parametrize(
    ("shape", "size"), [((3, 14, 14), 2), ((1, 28, 28), 4), ((2, 15, 10), 1), ((33,), 4)]
)
def test_blocks_have_one_sign_each(shape, size):
    task = _task(Linf(0.1), shape)
    signs = (blocks(task) > task.inputs).reshape(6, -1, *shape[-2:] if len(shape) > 1 else (1, shape[0]))
    for row in range(0, signs.shape[2], size):
        for column in range(0, signs.shape[3], size):
            block = signs[:, :, row : row + size, column : column + size].flatten(2)
            assert bool((block.all(2) | ~block.any(2)).all())
    assert bool(signs.any()) and not bool(signs.all())


@every_start
def test_the_range_of_the_data_is_kept(start):
    inputs = torch.tensor([[[[0.0, 1.0], [0.02, 0.98]]]])
    task = task_of(inputs, torch.zeros(1, dtype=torch.int64), Linf(0.1))
    assert bool(((start(task) >= 0) & (start(task) <= 1)).all())
