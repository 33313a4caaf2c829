"""What the books say of a row: which point is kept, when it was found, how the search went."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from sparring.attacks import PGD, Square
from sparring.domain import Domain
from sparring.engine import Ask, Want, gradient_at, search
from sparring.engine.books import TRACE
from sparring.tensors import take
from sparring.threat import Linf
from tests import known
from tests.engine.attacks import Corners, Diary, EveryClass, Path, Tries

PROBLEM = known.flat_boundary(Linf(0.05))
MODEL = PROBLEM.model
TASK = take(PROBLEM.task, torch.arange(12))  # these can be broken
SIGNS = MODEL.normal.detach().sign().reshape(1, 2, 4, 4) * (1 - 2.0 * TASK.goal.labels).reshape(-1, 1, 1, 1)
NEEDED = PROBLEM.distance[:12] / 0.05


def walk(*shares, **options):
    """Go to these shares of the budget, straight across the boundary."""
    task = replace(TASK, begin=TASK.inputs + 0.05 * SIGNS)
    return search(MODEL, task, Path(shares), **options)


def shares_of(found):
    """How far the kept points went, as shares of the budget."""
    return ((found.adversarial - TASK.inputs).abs().amax((1, 2, 3)) / 0.05).tolist()


def test_the_first_success_is_kept():
    found = walk(0.0, 1.0, 0.9, 0.95, 0.5, retire="never", keep="first")
    assert shares_of(found) == pytest.approx([1.0] * 12, abs=1e-4)
    assert found.distance.tolist() == pytest.approx([0.05] * 12, abs=1e-6)


def test_the_closest_success_is_kept():
    found = walk(0.0, 1.0, 0.9, 0.95, 0.4, retire="never", keep="closest")
    assert shares_of(found) == pytest.approx([0.4 if needed < 0.4 else 0.9 for needed in NEEDED], abs=1e-4)
    assert found.distance.tolist() == pytest.approx([0.05 * each for each in shares_of(found)], abs=1e-6)
    assert found.found_after.tolist() == [2] * 12, "the closest is not the first"


def test_the_last_point_is_kept():
    found = walk(0.0, 1.0, 0.1, retire="never", keep="last")
    assert shares_of(found) == pytest.approx([0.1] * 12, abs=1e-4)
    assert bool(found.success.all())


def test_the_last_point_that_was_asked_is_kept():
    attack = Corners(0, valid=(True, True, False, False))
    found = search(MODEL, TASK, attack, retire="never", keep="last")
    points = attack.start(TASK).ask.points
    assert torch.equal(found.adversarial, points[:, 1])


def test_the_closest_of_several_points_in_one_look_is_kept():
    class Three:
        steps = 0
        loss = staticmethod(EveryClass().loss)

        def start(self, task):
            points = torch.stack([task.inputs + share * 0.05 * SIGNS for share in (1.0, 0.9, 0.95)], 1)
            return Tries(Ask(points, Want.SCORES), tried=torch.zeros(len(task)))

    for keep in ("first", "closest"):
        assert shares_of(search(MODEL, TASK, Three(), keep=keep)) == pytest.approx([0.9] * 12, abs=1e-4)


def test_a_success_at_the_very_first_and_at_the_very_last_look():
    assert bool(walk(1.0, 0.0, 0.0).success.all())
    assert walk(1.0, 0.0, 0.0).found_after.tolist() == [1] * 12
    last = walk(0.0, 0.0, 1.0)
    assert bool(last.success.all())
    assert last.found_after.tolist() == [3] * 12


def test_a_success_that_is_left_again_is_not_lost():
    for retire in ("first", "never"):
        assert bool(walk(0.0, 1.0, 0.0, 0.0, retire=retire).success.all())


def test_points_outside_the_threat_do_not_count_but_show_in_the_margin():
    found = walk(0.0, 4.0)
    assert not bool(found.success.any())
    assert bool((found.margin > 0).all())
    assert torch.equal(found.adversarial, TASK.inputs)
    assert bool(found.distance.isinf().all())
    assert found.found_after.tolist() == [-1] * 12


def test_found_after_counts_backwards_too():
    found = search(MODEL, TASK, PGD(20))
    assert torch.equal(found.found_after, found.forwards + found.backwards)
    assert bool((found.backwards[found.asks > 1] > 0).all())


def test_the_best_margin_is_the_best_of_all_looks():
    found = walk(0.0, 1.0, 0.0, retire="never")
    at = TASK.inputs + 0.05 * SIGNS
    assert torch.allclose(found.margin, TASK.goal.margin(MODEL(at)[:, None])[:, 0].detach(), atol=1e-5)


def test_the_trace_follows_the_loss():
    shares = (0.0, 0.3, 0.1, 0.6)
    found = walk(*shares, retire="never")
    assert bool(found.trace[:, 4:].isnan().all())
    for look, share in enumerate(shares):
        at = TASK.inputs + share * 0.05 * SIGNS
        margin = TASK.goal.margin(MODEL(at)[:, None])[:, 0].detach()
        assert torch.allclose(found.trace[:, look], margin, atol=1e-4)


def test_long_traces_are_sampled_evenly():
    found = search(MODEL, take(PROBLEM.task, torch.arange(16, 24)), PGD(400), retire="never")
    assert found.trace.shape == (8, TRACE)
    assert not bool(found.trace.isnan().any())


@pytest.mark.parametrize("retire", ["first", "never"])
def test_when_rows_retire(retire):
    found = search(MODEL, TASK, PGD(20), retire=retire)
    assert bool(found.success.all())
    assert bool(found.finished.all())
    assert (found.asks == 21).all() if retire == "never" else (found.asks < 21).all()


def test_progress_ends_with_the_truth():
    told = []
    found = search(MODEL, PROBLEM.task, PGD(20), batch=8, progress=told.append)
    assert told[-1].rows == told[-1].over == 24
    assert told[-1].broken == int(found.success.sum())
    assert told[-1].passes == int((found.forwards + found.backwards).sum())
    assert all(one.passes <= other.passes for one, other in pairwise(told))


def test_odd_looks_are_counted_in_their_rows():
    def sometimes(points):
        return MODEL(points).masked_fill(((points.flatten(1)[:, :1] - 0.123).abs() < 1e-5), torch.nan)

    begin = TASK.inputs.clone()
    begin[3].flatten()[0] = begin[5].flatten()[0] = 0.123
    task = replace(TASK, begin=begin)
    found = search(sometimes, task, Path((0.0, 1.0, 1.0, 0.0)), retire="never")
    assert found.odd.nonzero().flatten().tolist() == [3, 5]
    assert found.odd[[3, 5]].tolist() == [2, 2]


class BadGradient(torch.autograd.Function):
    """Passes on what comes in; its gradient is not a number where the first value is above a half."""

    @staticmethod
    def forward(ctx, points):
        ctx.save_for_backward(points)
        return points.clone()

    @staticmethod
    def backward(ctx, gradient):
        (points,) = ctx.saved_tensors
        bad = points.flatten(1)[:, 0] > 0.5
        return torch.where(bad.reshape(-1, 1, 1, 1), torch.nan, gradient)


def test_gradients_that_are_no_numbers_are_reported_and_stop_only_their_rows():
    problem = known.flat_boundary(Linf(0.05))
    found = search(lambda points: problem.model(BadGradient.apply(points)), problem.task, PGD(20))
    assert bool((found.odd > 0).any())
    assert bool(found.adversarial.isfinite().all())
    assert not bool((found.success & ~problem.breakable).any())
    assert bool(found.success[problem.breakable & (found.odd == 0)].all())


def test_attacks_never_see_what_is_no_number():
    problem = known.flat_boundary(Linf(0.05))

    def model(points):
        outputs = problem.model(BadGradient.apply(points))
        return outputs.masked_fill(points.flatten(1)[:, 1:2] > 0.5, torch.nan)

    diary = Diary((0.0, 0.5), see=gradient_at)
    search(model, replace(problem.task, begin=problem.task.inputs), diary, batch=64)
    first = problem.task.inputs.flatten(1)[:, 0] > 0.5
    second = problem.task.inputs.flatten(1)[:, 1] > 0.5
    assert 0 < int((first & ~second).sum()) < 24
    seen = diary.entries[0]
    assert bool(seen.gradients.isfinite().all())
    assert not bool(seen.gradients[first].any())
    assert bool(seen.gradients[~first & ~second].any())
    assert torch.equal(seen.losses[:, 0, 0] == -torch.inf, second)
    assert torch.equal(seen.odd, first | second)


def test_float64_stays_float64():
    inputs = TASK.inputs.double()
    task = known.task_of(inputs, TASK.goal.labels, Linf(0.05), Domain(0.0, 1.0, None, (2, 4, 4)))
    model = known.half_space(Linf(0.05)).model.double()
    for attack in (PGD(20), Square(600), EveryClass(12)):
        found = search(model, task, attack)
        assert found.adversarial.dtype is torch.float64
        assert int(found.success.sum()) >= 8
