"""SimBA: one vector at a time, there and back."""

import torch

from sparring.attacks import SimBA
from sparring.engine import Seen
from sparring.threat import L2, parse_threat
from tests.known import task_of

INPUTS = torch.full((3, 2, 4, 4), 0.5)
LABELS = torch.zeros(3, dtype=torch.int64)


def _seen(*losses):
    none = torch.full((3, 1), torch.inf)
    return Seen(torch.zeros(3, 1, 2), none, torch.tensor(losses)[:, None, None], None, none[:, 0] < 0)


def test_a_vector_is_added_then_subtracted_then_left():
    task = task_of(INPUTS, LABELS, parse_threat("l2:min"))
    attack = SimBA(20, 0.1)
    first = attack.start(task)
    assert torch.equal(first.point, INPUTS)
    plus = attack.step(task, first, _seen(0.0, 0.0, 0.0))
    change = plus.point - INPUTS
    assert torch.allclose(change.flatten(1).norm(dim=1), torch.tensor(0.1))
    after = attack.step(task, plus, _seen(1.0, -1.0, -1.0))  # kept in the first row alone
    moved = after.point - INPUTS
    assert torch.allclose(moved[0].flatten().norm(), torch.tensor(0.1 * 2**0.5)), (
        "a second vector on the first"
    )
    assert torch.allclose(moved[1:], -change[1:]), "the way back"
    last = attack.step(task, after, _seen(0.5, 2.0, -1.0))
    assert torch.allclose(last.best_point[0], plus.point[0]), "what was worse is left"
    assert torch.allclose(last.best_point[1], after.point[1])
    assert torch.allclose(last.best_point[2], INPUTS[2])
    assert last.best.tolist() == [1.0, 2.0, 0.0]
    assert last.place.tolist() == [1, 1, 1], (
        "the first row turns back on its second vector, the others begin theirs"
    )


def test_every_value_is_tried_before_one_is_tried_again():
    task = task_of(INPUTS, LABELS, L2(5.0))
    attack = SimBA(64, 0.1)
    state, tried = attack.start(task), []
    for _ in range(64):
        state = attack.step(task, state, _seen(-1.0, -1.0, -1.0))
        tried.append((state.point - INPUTS).flatten(1).abs().argmax(1))
    assert len(set(torch.stack(tried)[:, 0].tolist())) == 32
