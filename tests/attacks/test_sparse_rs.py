"""Sparse-RS: as many values as the budget counts, at an end of their range, and fewer exchanges as it goes on."""

from dataclasses import replace

import pytest
import torch

from sparring.attacks import SparseRS
from sparring.engine import Seen
from sparring.errors import ThreatError
from sparring.threat import L0, Linf, parse_threat
from tests.known import task_of

INPUTS = 0.3 + 0.4 * torch.rand(5, 3, 6, 6, generator=torch.Generator().manual_seed(0))
LABELS = torch.zeros(5, dtype=torch.int64)


def _seen(losses):
    none = torch.full((5, 1), torch.inf)
    return Seen(torch.zeros(5, 1, 2), none, losses[:, None, None], None, none[:, 0] < 0)


@pytest.mark.parametrize(
    ("threat", "counted"),
    [(L0(12), 12), (L0(7, pixels=True), 7), (L0(36, pixels=True), 36), (L0(3, pixels=True, side=4), 3)],
)
def test_the_whole_budget_is_changed_and_values_stand_at_an_end(threat, counted):
    task = task_of(INPUTS, LABELS, threat)
    attack = SparseRS(40)
    state = attack.start(task)
    for _ in range(20):
        assert (task.threat.distance(state.point, INPUTS) == counted).all()
        changed = state.point != INPUTS
        assert bool(((state.point == 0) | (state.point == 1) | ~changed).all())
        state = attack.step(task, state, _seen(torch.rand(5)))


def test_a_worse_point_is_thrown_away_and_a_better_one_kept():
    task = task_of(INPUTS, LABELS, L0(12))
    attack = SparseRS(40)
    first = attack.start(task)
    second = attack.step(task, first, _seen(torch.zeros(5)))
    third = attack.step(task, second, _seen(torch.tensor([1.0, -1.0, 1.0, 0.0, torch.nan])))
    for row, kept in enumerate([second, first, second, first, first]):
        assert torch.equal(third.best_point[row], kept.point[row])


def test_exchanges_grow_rarer_over_the_budget():
    task = task_of(INPUTS, LABELS, L0(100))
    for queries in (100, 2000):
        attack = SparseRS().within(queries)
        state, counts = attack.start(task), []
        for _ in range(queries - 1):
            state = attack.step(task, state, _seen(torch.zeros(5)))
            joined = (state.trial & ~state.chosen).sum(1)
            counts.append(joined.double().mean())
            assert ((state.trial.sum(1) == 100) & (joined <= 30)).all()
        few = queries // 10
        assert sum(counts[:few]) / few > 3 and sum(counts[-few:]) / few <= 2


def test_what_may_not_change_does_not():
    mask = torch.zeros(3, 6, 6, dtype=torch.bool)
    mask[:, 2:4, 2:4] = True
    task = task_of(INPUTS, LABELS, L0(9, pixels=True, mask=mask))
    attack = SparseRS(10)
    state = attack.start(task)
    for _ in range(10):
        assert bool(((state.point == INPUTS) | mask).all())
        assert (task.threat.distance(state.point, INPUTS) == 4).all()
        state = attack.step(task, state, _seen(torch.rand(5)))


def test_the_number_shrinks_when_the_goal_is_reached_and_grows_until_it_is():
    task = task_of(INPUTS, LABELS, parse_threat("l0:min"))
    attack = SparseRS(40)
    state = attack.start(task)
    assert (task.threat.distance(state.point, INPUTS) == 10).all(), "a tenth of 108 values"
    won = torch.tensor([True, False, False, False, False])
    counts = []
    for turn in range(4):
        lost = _seen(torch.full((5,), -1.0))
        distance = torch.where(won, task.threat.distance(state.point, INPUTS).float(), torch.inf)
        state = attack.step(task, state, replace(lost, distance=distance[:, None]) if turn < 2 else lost)
        counts.append(task.threat.distance(state.point, INPUTS).tolist())
    assert [each[0] for each in counts] == [8, 6, 6, 6]
    assert [each[1] for each in counts] == [10, 20, 20, 40]


def test_one_value_ends_the_search_for_fewer():
    inputs = INPUTS[:, :1, :2, :2]
    task = task_of(inputs, LABELS, parse_threat("l0:min"))
    attack = SparseRS(40)
    state = attack.start(task)
    lost = _seen(torch.ones(5))
    state = attack.step(task, state, replace(lost, distance=torch.tensor([[1.0]] * 4 + [[torch.inf]])))
    assert state.done is not None and state.done.tolist() == [True] * 4 + [False]


def test_other_threats_are_refused():
    with pytest.raises(ThreatError, match="use Square"):
        SparseRS().start(task_of(INPUTS, LABELS, Linf(0.1)))
