"""Square: sizes of windows by the authors' schedule, and one window at a time."""

import math
from dataclasses import replace

import pytest
import torch

from sparring.attacks import Square, SquareL1, SquareL2
from sparring.attacks.parts.windows import as_image, choose, inside, window_size
from sparring.engine import Seen
from sparring.threat import L1, L2, Linf
from tests.known import task_of

ROWS, SHAPE = 6, (3, 12, 12)
INPUTS = torch.rand(ROWS, *SHAPE, generator=torch.Generator().manual_seed(0))
LABELS = torch.zeros(ROWS, dtype=torch.int64)


def share_after(tries):
    """The authors' rule, as their code writes it."""
    steps = [
        (10, 1),
        (50, 2),
        (200, 4),
        (500, 8),
        (1000, 16),
        (2000, 32),
        (4000, 64),
        (6000, 128),
        (8000, 256),
    ]
    return 0.8 / next((parts for limit, parts in steps if tries <= limit), 512)


TRIES = [
    0,
    1,
    10,
    11,
    50,
    51,
    200,
    201,
    500,
    501,
    1000,
    1001,
    2000,
    2001,
    4000,
    4001,
    6000,
    6001,
    8000,
    8001,
    9999,
]


@pytest.mark.parametrize("side", [28, 32, 224])
def test_windows_shrink_as_the_authors_let_them(side):
    image = torch.zeros(len(TRIES), 3, side, side)
    height, width = window_size(0.8, torch.tensor(TRIES), image)
    assert height.tolist() == width.tolist()
    assert height.tolist() == [max(round(math.sqrt(share_after(tries) * side * side)), 1) for tries in TRIES]


def test_windows_fit_into_images_that_are_not_square_and_into_lines():
    height, width = window_size(1.0, torch.tensor([0]), torch.zeros(1, 1, 4, 30))
    assert (height.item(), width.item()) == (4, 4)
    height, width = window_size(0.8, torch.tensor([0, 11, 9999]), torch.zeros(3, 1, 1, 10))
    assert height.tolist() == [1, 1, 1]
    assert width.tolist() == [8, 4, 1]


@pytest.mark.parametrize(
    ("shape", "seen"),
    [((7,), (1, 1, 7)), ((4, 5), (1, 4, 5)), ((3, 4, 5), (3, 4, 5)), ((2, 2, 3, 4), (1, 1, 48))],
)
def test_everything_is_an_image(shape, seen):
    assert as_image(torch.zeros(2, *shape)).shape == (2, *seen)


def test_every_place_is_as_likely_and_the_borders_are_reached():
    fraction = torch.rand(20_000)
    places = choose(fraction, torch.full((20_000,), 5), 12)
    counts = places.bincount()
    assert len(counts) == 8
    assert bool((counts > 20_000 / 8 * 0.9).all())
    last = choose(torch.tensor([1 - 2.0**-24]), torch.tensor([5]), 12)
    assert last.item() == 7
    window = inside(torch.zeros(1, 1, 12, 12), last, last, torch.tensor([5]), torch.tensor([5]))
    assert window.sum() == 25


def seen(losses):
    none = torch.full((ROWS, 1), torch.inf)
    return Seen(torch.zeros(ROWS, 1, 2), none, losses[:, None, None], None, none[:, 0] < 0)


def test_the_first_point_has_vertical_stripes():
    task = task_of(INPUTS, LABELS, Linf(0.1))
    start = Square().start(task).point
    signs = (start - INPUTS).sign()
    assert torch.equal(signs, signs[:, :, :1].expand_as(signs)), "one sign per column and channel"
    assert 0.2 < (signs[:, :, 0] > 0).double().mean() < 0.8
    assert torch.equal(start, task.threat.project(INPUTS + signs, INPUTS))


def test_several_starts_are_stripes_down_and_across_and_the_best_of_them_gets_the_first_window():
    task, attack = task_of(torch.full((ROWS, *SHAPE), 0.5), LABELS, Linf(0.1)), Square(starts=4)
    state, points = attack.start(task), []
    for turn in range(4):
        signs = (state.point - task.inputs).sign()
        line = signs[:, :, :, :1] if turn % 2 else signs[:, :, :1]
        assert torch.equal(signs, line.expand_as(signs)) and 0.2 < (line > 0).double().mean() < 0.8
        points.append(state.point)
        state = attack.step(task, state, seen(torch.full((ROWS,), [0.0, 1.0, 3.0, 2.0][turn])))
    assert torch.equal(state.best_point, points[2]) and not torch.equal(points[0], points[2])
    changed = (state.point != state.best_point).any(1).flatten(1).sum(1)
    assert bool((changed <= (0.8 * 144) + 12).all()) and bool((changed > 0).any())


def test_one_window_changes_at_a_time_and_to_a_vertex():
    task = task_of(INPUTS, LABELS, Linf(0.1))
    attack = Square()
    state = attack.start(task)
    loss = torch.zeros(ROWS)
    for tried in range(60):
        state = attack.step(task, state, seen(loss))
        side = round(math.sqrt(share_after(tried) * 144))
        for row in range(ROWS):
            changed = (state.point[row] != state.best_point[row]).any(0)
            rows, columns = changed.nonzero(as_tuple=True)
            if len(rows):
                assert rows.max() - rows.min() < side
                assert columns.max() - columns.min() < side
        vertex = [task.threat.project(INPUTS + 0.1 * sign, INPUTS) for sign in (1, -1)]
        assert bool(((state.point == vertex[0]) | (state.point == vertex[1])).all())
        loss = torch.rand(ROWS)


def test_a_window_has_one_sign_per_channel():
    task = task_of(torch.full((ROWS, 3, 12, 12), 0.5), LABELS, Linf(0.1))
    attack = Square()
    state = replace(attack.start(task), best_point=task.inputs, best=torch.full((ROWS,), 1.0))
    moved = (attack.step(task, state, seen(torch.zeros(ROWS))).point - task.inputs).flatten(2)
    for row in moved:
        for channel in row:
            assert len(channel[channel != 0].sign().unique()) == 1
    assert len({tuple(each) for each in moved.sign().amax(2).tolist()}) > 1


@pytest.mark.parametrize(
    ("attack", "threat"),
    [(Square(), Linf(0.1)), (SquareL2(), L2(1.0)), (SquareL1(), L1(5.0))],
    ids=["linf", "l2", "l1"],
)
def test_a_worse_point_is_thrown_away_and_a_better_one_kept(attack, threat):
    task = task_of(INPUTS, LABELS, threat)
    first = attack.start(task)
    second = attack.step(task, first, seen(torch.zeros(ROWS)))
    assert torch.equal(second.best_point, first.point)
    losses = torch.tensor([1.0, -1.0, 0.0, 1.0, -1.0, torch.nan])
    third = attack.step(task, second, seen(losses))
    for row in range(ROWS):
        kept = second.point if row in (0, 3) else first.point
        assert torch.equal(third.best_point[row], kept[row])
    assert third.best.tolist() == [1, 0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("attack", "threat"), [(SquareL2(), L2(1.0)), (SquareL1(), L1(5.0))], ids=["l2", "l1"]
)
def test_the_whole_budget_is_spent(attack, threat):
    task = task_of(torch.full((ROWS, *SHAPE), 0.5), LABELS, threat)
    state = attack.start(task)
    for _ in range(30):
        assert bool(task.threat.contains(state.point, task.inputs).all())
        assert torch.allclose(
            task.threat.distance(state.point, task.inputs), torch.tensor(threat.eps), rtol=2e-3
        )
        state = attack.step(task, state, seen(torch.rand(ROWS)))


def test_a_window_that_would_change_nothing_counts_as_tried_and_is_not_asked_about():
    dark = torch.zeros(ROWS, 1, 12, 12)  # half of all signs push out of the range
    task = task_of(dark, LABELS, Linf(0.1))
    attack, idle = Square(steps=400), 0
    state = attack.start(task)
    while not bool(state.done.all()):
        before = state
        state = attack.step(task, state, seen(torch.zeros(ROWS)))
        tried = state.tried - before.tried
        assert set(tried.tolist()) <= {1, 2}
        idle += int((tried - 1).sum())
        windows = [_window_alone(attack, task, before, ahead) for ahead in (0, 1)]
        for row in range(ROWS):
            skipped = torch.equal(windows[0][row], state.best_point[row])
            assert skipped == (tried[row] == 2)
            assert torch.equal(state.point[row], windows[int(skipped)][row])
    assert idle > 0
    assert bool((state.tried > 400).all())


def _window_alone(attack, task, state, ahead):
    """The point that the next window, or the one after it, makes of the best one, by whole images."""
    best, tried = state.best_point, state.tried + ahead
    numbers = task.draws.uniform(best.new_empty(ROWS, 2 + best.shape[1]), draw=tried + 1)
    height, width = window_size(attack.share, tried, best)
    top, left = choose(numbers[:, 0], height, best.shape[2]), choose(numbers[:, 1], width, best.shape[3])
    signs = torch.where(numbers[:, 2:] < 0.5, -1.0, 1.0)[:, :, None, None]
    vertex = task.threat.project(task.inputs + 0.1 * signs, task.inputs)
    return torch.where(inside(best, top, left, height, width), vertex, best)
