"""FAB: on a linear model a few steps find the closest point, also where the range of the data is in the way."""

from dataclasses import dataclass, replace

import pytest
import torch

from sparring.attacks import FAB
from sparring.domain import Domain
from sparring.engine import Want, search
from sparring.engine.contract import wants
from sparring.threat import L1, L2, Linf, Targeted
from tests.attacks.parts.test_hyperplane import SIZE, problem, solved
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


@dataclass(frozen=True)
class Recorder:
    """An attack, and the points that it asked about."""

    attack: FAB
    asked: list

    @property
    def steps(self):
        return self.attack.steps

    def loss(self, task, state, outputs):
        return self.attack.loss(task, state, outputs)

    def start(self, task):
        state = self.attack.start(task)
        self.asked.append(state.point)
        return state

    def step(self, task, state, seen):
        state = self.attack.step(task, state, seen)
        self.asked.append(state.point)
        return state


@pytest.mark.parametrize("push", [0.02, 0.001])
def test_a_step_by_hand(push):
    """From x, with x0 the input: (1 - a)(x + 1.05 d1) + a (x0 + 1.05 d0), a = |d1| / (|d1| + |d0|), at most 0.1."""
    known = flat_boundary(L2(0.2))
    begin = known.task.inputs + push * torch.randn(known.task.inputs.shape)
    task = replace(known.task, begin=begin, aim=1 - known.task.goal.labels)
    points = Recorder(FAB(1), [])
    search(known.model, task, points, retire="never", batch=64)

    signs = (1 - 2.0 * task.goal.labels).reshape(-1, 1, 1, 1)
    normal = signs * known.model.normal.detach().reshape(2, 4, 4)
    scores = [known.model(each)[:, 1].detach().reshape(-1, 1, 1, 1) * signs for each in (begin, task.inputs)]
    near, far = (-score * normal / normal[0].square().sum() for score in scores)
    here, there = (each.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1) for each in (near, far))
    weight = (here / (here + there)).clamp_max(0.1)
    expected = (1 - weight) * (begin + 1.05 * near) + weight * (task.inputs + 1.05 * far)
    assert torch.allclose(points.asked[1], expected, atol=2e-6)


def test_back_inside_once_across():
    known = flat_boundary(L2(0.2))
    task = replace(known.task, aim=1 - known.task.goal.labels)
    points = Recorder(FAB(2), [])
    search(known.model, task, points, retire="never", batch=64)
    across, back = points.asked[1], points.asked[2]
    assert bool((known.model(across).argmax(1) != task.goal.labels).all())
    assert torch.allclose(back, task.inputs + 0.9 * (across - task.inputs), atol=1e-6)


def test_steps_and_looks_take_turns():
    known = flat_boundary(Linf(0.05))
    attack = FAB(5)
    assert attack.steps == 9
    state = attack.start(known.task)
    assert wants(state.ask).unique().tolist() == [Want.GRADIENTS]
    found = search(known.model, known.task, attack, retire="never")
    assert found.forwards.tolist() == [10] * 24
    assert found.backwards.tolist() == [5 * 2] * 24, "without an aim, one for each other class"
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
