"""The weight of the room rises while the class is wrong and falls while it is right."""

from dataclasses import replace

import torch

from sparring.detect.balancing import Balancing
from sparring.detect.evading import Evades
from sparring.draws import Draws, row_keys
from sparring.engine import Task, search
from sparring.engine.contract import Seen
from sparring.threat import L1, L2, Linf


def _task(threat, threshold=0.0, aim=None):
    inputs = torch.full((3, 4), 0.5)
    goal = Evades(torch.zeros(3, dtype=torch.int64), threshold)
    return Task(inputs, goal, threat, Draws(row_keys(0, ["a", "b", "c"])), aim=aim)


def _moved(attack, task, state, lead, gradients):
    losses, odd = torch.stack([lead, -torch.ones(3)], -1)[:, None], torch.zeros(3, dtype=torch.bool)
    return attack.step(task, state, Seen(None, torch.full((3, 1), torch.inf), losses, gradients, odd))


def test_steps_go_along_both_gradients_by_their_weights():
    task, attack = _task(L2(0.4)), Balancing(10)
    gradients = torch.zeros(3, 1, 2, 4)
    gradients[:, 0, 0, 0], gradients[:, 0, 1, 1] = 100.0, 0.01  # their lengths do not matter
    first = attack.start(task)
    assert torch.equal(first.point, task.inputs)
    state = _moved(attack, task, first, torch.tensor([-1.0, 0.2, 0.0]), gradients)
    way = state.point - task.inputs
    torch.testing.assert_close(way[:, 0], way[:, 1])
    torch.testing.assert_close(way.norm(dim=1), torch.full((3,), 0.1))
    assert (state.odds.sign() == torch.tensor([-1.0, 1.0, -1.0])).all()
    for _ in range(5):
        state = _moved(attack, task, state, torch.tensor([-1.0, 0.2, 0.0]), gradients)
    way = state.way
    assert way[0, 0] > way[0, 1]
    assert way[1, 0] < way[1, 1]
    far = _moved(Balancing(10, length=3.0), task, first, torch.zeros(3), gradients).point
    torch.testing.assert_close((far - task.inputs).norm(dim=1), torch.full((3,), 0.4))


def test_it_finds_what_is_wrong_and_accepted_where_signs_are_flagged():
    def model(inputs):  # three values help equally little, and the score sees them; the first is the way
        right, others = inputs[:, 0] - 0.6, inputs[:, 1:] - 0.5
        lead = right + 0.1 * others.sum(1)
        return torch.stack([-lead, lead, others.square().sum(1)], 1)

    for threat in (Linf(0.15), L2(0.2), L1(0.3)):
        assert search(model, _task(threat, threshold=1e-3), Balancing(30)).success.all()


def test_any_wrong_class_counts_whichever_is_aimed_at():
    def model(inputs):  # class 2 never comes; on the way to it lies class 1
        right = inputs[:, 0] - 0.6
        return torch.stack([torch.zeros_like(right), right, right - 1, 0 * right], 1)

    task = _task(Linf(0.15), threshold=1.0)
    assert search(model, replace(task, aim=torch.full((3,), 2)), Balancing(10)).success.all()
