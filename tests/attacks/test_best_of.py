"""Attacks that compete: each is tried, and the best one of each sample goes on from where it was."""

from dataclasses import dataclass, fields

import pytest
import torch
from torch import Tensor

from sparring.attacks import APGD, BestOf, Estimated, Square, margin
from sparring.engine import State, Task, scores_at, search
from sparring.threat import Linf
from tests.known import flat_boundary, task_of

INPUTS = torch.full((3, 1, 2, 2), 0.5)
LABELS = torch.zeros(3, dtype=torch.int64)


@dataclass(frozen=True)
class Walk:
    """Moves one value a little further with each look: by 0.01, up in the rows of `up`, down in the others."""

    up: tuple[bool, ...]
    steps: int = 5

    @dataclass(frozen=True)
    class At(State):
        by: Tensor

    def start(self, task: Task) -> State:
        way = torch.tensor(self.up, dtype=torch.float32)[task.draws.keys.argsort().argsort()] * 2 - 1
        return self.At(scores_at(task.inputs), 0.01 * way[:, None, None, None])

    def step(self, task, state, seen):
        return self.At(scores_at(state.point + state.by), state.by)

    def loss(self, task, state, outputs):
        return margin(task, state, outputs)

    def within(self, queries: int):
        return Walk(self.up, queries - 1)


class Witness:
    """A model of the mean, which remembers the means that it was shown, by row."""

    padded = False

    def __init__(self):
        self.shown = []

    def __call__(self, points):
        mean = points.flatten(1).mean(1)
        self.shown += [round(float(each), 2) for each in mean]
        return torch.stack([1 - mean, mean - 1], 1)


def _task(rows=slice(0, 1)):
    return task_of(INPUTS[rows], LABELS[rows], Linf(0.4))


def test_each_is_tried_and_the_better_goes_on_from_where_it_was():
    model = Witness()
    down, up = Walk((False,)), Walk((True,))
    found = search(model, _task(), BestOf((down, up), trial=3), retire="never")
    assert model.shown == [0.5, 0.49, 0.48, 0.5, 0.51, 0.52, 0.53, 0.54, 0.55]
    assert found.forwards.tolist() == [9] and bool(found.finished.all())


def test_every_row_has_its_own_winner():
    order = _task(slice(0, 3)).draws.keys.argsort().argsort().tolist()
    ways = torch.tensor([True, False, True])[torch.tensor(order).argsort()].tolist()
    attack = BestOf((Walk(tuple(ways), 30), Walk(tuple(not each for each in ways), 30)), trial=3)
    model = Witness()
    search(model, _task(slice(0, 3)), attack, retire="never", budget=20)
    assert model.shown[-3:] == [0.66, 0.66, 0.66], "three tries and 13 steps more, up in every row"


@pytest.mark.parametrize("attack", [Square(40), Estimated(APGD(5, margin), looks=6)])
def test_one_alone_is_as_without(attack):
    problem = flat_boundary(Linf(0.05))
    alone = search(problem.model, problem.task, attack)
    competing = search(problem.model, problem.task, BestOf((attack,), trial=5))
    for field in fields(alone):
        if field.name != "trace":  # its places are shared out over as many looks as there can be
            one, other = getattr(alone, field.name), getattr(competing, field.name)
            assert torch.equal(one.nan_to_num(), other.nan_to_num()), field.name


def test_a_loser_costs_its_trial_alone():
    slopes, model = Estimated(APGD(9, margin), looks=3), Witness()
    alone = search(Witness(), _task(), slopes, retire="never")
    attack = BestOf((Walk((False,), 100), slopes), trial=4)
    both = search(model, _task(), attack, retire="never", budget=int(alone.forwards) + 4)
    assert model.shown[:4] == [0.5, 0.49, 0.48, 0.47]
    assert float(both.margin) == float(alone.margin) > -0.9


def test_within_a_budget_the_winner_has_what_the_trials_leave():
    fitted = BestOf((Square(), Estimated(APGD(loss=margin)))).within(2500)
    assert fitted.trial == 25 and fitted.attacks[0] == Square().within(2475)
    for queries in (30, 100, 2500):
        walks = BestOf((Walk((False,)), Walk((True,)))).within(queries)
        assert search(Witness(), _task(), walks, retire="never").forwards.tolist() == [queries]
    few = BestOf((Walk((False,)), Walk((True,)))).within(5)
    assert int(search(Witness(), _task(), few, retire="never").forwards) <= 5
