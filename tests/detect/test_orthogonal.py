"""Orthogonal PGD moves along one gradient without moving along the other."""

from dataclasses import replace

import torch

from sparring.detect.evading import Evades
from sparring.detect.orthogonal import OrthogonalPGD
from sparring.draws import Draws, row_keys
from sparring.engine import Task, search
from sparring.engine.contract import Seen
from sparring.threat import L2


def _task(threshold=0.0):
    inputs = torch.full((3, 4), 0.5)
    return Task(
        inputs,
        Evades(torch.zeros(3, dtype=torch.int64), threshold),
        L2(0.4),
        Draws(row_keys(0, ["a", "b", "c"])),
    )


def test_a_step_leaves_the_other_loss_as_it_is():
    task, attack = _task(), OrthogonalPGD(10)
    state = attack.start(replace(task, begin=task.inputs))
    gradients = torch.randn(3, 1, 2, 4)
    losses = torch.tensor([[-1.0, 0.0], [1.0, -1.0], [1.0, 1.0]])[:, None]
    odd = torch.zeros(3, dtype=torch.bool)
    seen = Seen(None, torch.full((3, 1), torch.inf), losses, gradients, odd)
    moved = attack.step(task, state, seen).point - state.point
    lead, room = gradients[:, 0].unbind(1)
    still = torch.stack([room[0], lead[1], lead[2]])
    assert ((moved * still).sum(1).abs() < 1e-5).all()
    along = torch.stack([lead[0], room[1], room[2]])
    assert ((moved * along).sum(1) > 0).all()


def test_it_finds_what_is_wrong_and_accepted():
    def model(inputs):  # class 1 to the right, flagged above: the way is to the right and not up
        right, up = inputs[:, 0] - 0.6, inputs[:, 1] - 0.5
        return torch.stack([-right, right, up + 0.5 * right], 1)

    found = search(model, _task(), OrthogonalPGD(30))
    assert found.success.all()
