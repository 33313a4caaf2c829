"""What a row costs: points, losses, budgets, rows that are done, points that are not valid."""

from dataclasses import replace

import pytest
import torch

from sparring.attacks import FAB, PGD, Square
from sparring.engine import Ask, State, Want, search
from sparring.tensors import take
from sparring.threat import Linf
from tests import known
from tests.engine.attacks import Corners, EveryClass, Path, Watched

PROBLEM = known.flat_boundary(Linf(0.05))
NOTHING = {(0.0,) * 32}  # what stands in for points where none is to be shown
EIGHT = take(
    PROBLEM.task, torch.arange(8, 16)
)  # some can be broken; fills a batch, so nothing is added to it


def costs(attack, model=None, task=EIGHT, **options):
    """Books, and the model's own count."""
    watched = Watched(PROBLEM.model if model is None else model)
    found = search(watched, task, attack, **options)
    return found, watched


def test_every_point_is_a_forward_and_every_loss_a_backward():
    found, watched = costs(Corners(6, each=3), retire="never")
    assert found.forwards.tolist() == [3 * 7] * 8
    assert found.queries.tolist() == [3 * 7] * 8
    assert found.backwards.tolist() == [0] * 8
    assert watched.rows == 8 * 3 * 7
    found, watched = costs(EveryClass(5), retire="never")
    assert found.forwards.tolist() == [6] * 8
    assert found.backwards.tolist() == [5 * 3] * 8, "three classes; the last point needs no gradient"
    assert found.queries.tolist() == [1] * 8, "the last look sees scores only"
    assert watched.backwards == 8 * 5 * 3


@pytest.mark.parametrize("budget", [1, 3, 4, 5, 10, 11])
@pytest.mark.parametrize("each", [1, 4])
def test_the_budget_is_spent_to_the_last_point(budget, each):
    found, watched = costs(Corners(20, each=each), budget=budget, retire="never")
    assert found.forwards.tolist() == [budget] * 8
    assert watched.rows == 8 * budget, "what cannot be paid is not shown"
    assert bool(found.finished.all())


@pytest.mark.parametrize("attack", [PGD(20), FAB(10), Square(50)], ids=lambda each: type(each).__name__)
def test_no_row_ever_exceeds_its_budget(attack):
    found, _ = costs(attack, task=PROBLEM.task, budget=7)
    assert int(found.forwards.max()) == 7
    assert bool((found.forwards <= 7).all())
    assert bool((found.found_after[found.success] > 0).all())


@pytest.mark.parametrize("budget", [1, 2, 3, 8, 9])
def test_a_judge_is_paid_from_the_same_budget(budget):
    judge = Watched(PROBLEM.model)
    found, watched = costs(Corners(20, each=3), judge=judge, budget=budget, retire="never")
    assert found.forwards.tolist() == [budget // 2 * 2] * 8, (
        "a point that its judge could not see is not asked"
    )
    assert judge.rows == 8 * (budget // 2)
    assert len(watched.points - NOTHING) == 8 * (budget // 2)


def test_points_that_are_not_valid_cost_nothing_and_count_for_nothing():
    some = (True, False, True, False)
    found, watched = costs(Corners(6, valid=some), retire="never")
    assert found.forwards.tolist() == [2 * 7] * 8
    assert watched.rows == 8 * 2 * 7
    none, watched = costs(Corners(6, valid=(False,) * 4), retire="never")
    assert none.forwards.tolist() == [0] * 8
    assert not bool(none.success.any())
    assert watched.points == NOTHING


def test_a_success_at_a_point_that_is_not_valid_does_not_count():
    class Jump:
        steps = 0
        loss = None

        def start(self, task):
            far = task.inputs + 0.049 * torch.sign(PROBLEM.model.normal.detach()).reshape(
                task.inputs[0].shape
            )
            near = 2 * task.inputs - far
            points = torch.stack([far, near], 1)
            return State(Ask(points, Want.LABELS, torch.zeros(len(task), 2, dtype=torch.bool)))

    found, _ = costs(Jump(), task=PROBLEM.task)
    assert int(found.success.sum()) == 0
    assert int(found.forwards.sum()) == 0


def test_rows_that_call_themselves_done_leave():
    found, watched = costs(Corners(6, enough=2), retire="never")
    assert found.asks.tolist() == [2] * 8
    assert watched.rows == 8 * 2 * 4
    assert bool(found.finished.all())


def test_rows_that_are_done_make_room():
    found, _ = costs(Corners(6, enough=2), task=PROBLEM.task, batch=8, retire="never")
    assert found.asks.tolist() == [2] * len(PROBLEM.task)


def test_several_points_and_losses_find_what_there_is():
    strong = known.flat_boundary(Linf(0.05), reach=0.6)
    found = search(strong.model, strong.task, EveryClass(12))
    assert found.success.tolist() == strong.breakable.tolist()
    wide = search(PROBLEM.model, PROBLEM.task, Corners(50))
    assert int(wide.success.sum()) > 0
    assert not bool((wide.success & ~PROBLEM.breakable).any())


def test_settled_rows_are_never_shown_again():
    watched = Watched(PROBLEM.model)
    begin = PROBLEM.task.inputs + 0.05 * _towards(PROBLEM)
    task = replace(PROBLEM.task, begin=begin)
    shares = (0.0, 0.9, 1.0, 0.5, 0.95)
    found = search(watched, task, Path(shares), batch=8)
    for row in found.success.nonzero().flatten().tolist():
        first = int(found.asks[row]) - 1
        for later in range(first + 1, len(shares)):
            point = task.inputs[row] + shares[later] * (begin[row] - task.inputs[row])
            assert tuple(point.flatten().tolist()) not in watched.points
    assert int(found.success.sum()) == int(PROBLEM.breakable.sum())


def _towards(problem):
    """The sign pattern that leads across the boundary, per row."""
    signs = problem.model.normal.detach().sign().reshape(problem.task.inputs[0].shape)
    return signs * (1 - 2.0 * problem.task.goal.labels).reshape(-1, 1, 1, 1)


def test_no_rows_cost_nothing():
    found, watched = costs(PGD(5), task=take(PROBLEM.task, torch.arange(0)))
    assert len(found.success) == 0
    assert watched.rows == 0


def test_rows_may_have_budgets_of_their_own():
    budget = torch.tensor([1, 2, 3, 5, 8, 13, 21, 34])
    found, _ = costs(Corners(50, each=2), budget=budget, retire="never", batch=4)
    assert torch.equal(found.forwards, budget)
