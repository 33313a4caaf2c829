"""FAB: on a linear model a few steps find the closest point, also where the range of the data is in the way."""

from dataclasses import replace

import pytest
import torch

from sparring.attacks import FAB
from sparring.domain import Domain
from sparring.engine import Want, search
from sparring.engine.contract import wants
from sparring.threat import L1, L2, Linf, Targeted
from tests.attacks.test_hyperplane import SIZE, problem, solved
from tests.known import UNIT_IMAGE, flat_boundary, of_classes, task_of

BALLS = {"linf": (Linf(0.05), Linf(0.5)), "l2": (L2(0.2), L2(2.5)), "l1": (L1(0.3), L1(6.0))}


@pytest.mark.parametrize("norm", BALLS)
@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("aimed", [False, True], ids=["untargeted", "aimed"])
def test_within_a_few_per_cent_in_a_few_steps(norm, classes, aimed):
    narrow, wide = BALLS[norm]
    known = of_classes(narrow, classes)
    task = replace(known.task, threat=wide.bind(known.task.inputs, UNIT_IMAGE))
    task = replace(task, aim=1 - task.goal.labels) if aimed else task
    found = search(known.model, task, FAB(12), keep="closest", retire="never")
    assert bool(found.success.all())
    ratio = found.distance / known.distance
    assert float(ratio.min()) > 0.999
    assert float(ratio.median()) < 1.01
    assert float(ratio.max()) < 1.06


@pytest.mark.parametrize("norm", BALLS)
@pytest.mark.parametrize("seed", range(6))
def test_also_where_the_range_of_the_data_is_in_the_way(norm, seed):
    point, normal, excess = problem(seed, 0.7)
    offset = float(normal @ point) - excess

    def model(points):
        score = points @ normal.to(points) - offset
        return torch.stack([score, torch.zeros_like(score)], 1) * (1 if excess > 0 else -1)

    threat = {"linf": Linf(1.0), "l2": L2(2.0), "l1": L1(5.0)}[norm]
    task = task_of(point[None].float(), torch.tensor([0]), threat, Domain(0.0, 1.0, None, (SIZE,)))
    found = search(model, task, FAB(40), keep="closest", retire="never")
    exact = solved(norm, point, normal, excess)
    assert bool(found.success.all())
    assert exact * 0.999 <= float(found.distance) <= exact * 1.05


def test_steps_and_looks_take_turns():
    known = flat_boundary(Linf(0.05))
    attack = FAB(5)
    assert attack.steps == 9
    state = attack.start(known.task)
    assert wants(state.ask).unique().tolist() == [Want.GRADIENTS]
    found = search(known.model, known.task, attack, retire="never")
    assert found.forwards.tolist() == [10] * 24
    assert found.backwards.tolist() == [5 * 3] * 24, "without an aim, one for each class"
    aimed = search(known.model, replace(known.task, aim=1 - known.task.goal.labels), attack, retire="never")
    assert aimed.backwards.tolist() == [5] * 24


def test_a_target_needs_one_gradient():
    known = flat_boundary(Linf(0.05))
    labels = known.task.goal.labels
    task = replace(known.task, goal=Targeted(1 - labels, labels))
    found = search(known.model, task, FAB(10))
    assert found.success.tolist() == known.breakable.tolist()
    assert int(found.backwards.max()) <= 10


def test_every_point_lies_in_the_range_of_the_data():
    inputs = torch.rand(8, 2, 4, 4).round()
    task = task_of(inputs, torch.zeros(8, dtype=torch.int64), L2(3.0))
    normal = torch.randn(32)

    def model(points):
        assert bool(((points >= 0) & (points <= 1)).all())
        score = points.flatten(1) @ normal
        return torch.stack([score, torch.zeros_like(score) + 100], 1)

    search(model, task, FAB(6), retire="never")
