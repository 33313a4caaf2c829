"""Gradients from scores: exact where the loss is linear, remembered, and asked for within the range of the data."""

import pytest
import torch

from sparring.attacks import PGD, Estimated, margin
from sparring.domain import Domain
from sparring.engine import Seen, Want, search
from sparring.threat import L2, Linf
from tests.known import flat_boundary, task_of

INPUTS = 0.3 + 0.4 * torch.rand(4, 2, 4, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.zeros(4, dtype=torch.int64)


class Recorder:
    """An inner attack that stays where it is and keeps the gradients that it is shown."""

    def __init__(self, steps):
        self.steps, self.gradients = steps, []

    def start(self, task):
        return PGD().start(task)

    def step(self, task, state, seen):
        self.gradients.append(seen.gradient)
        return state

    def loss(self, task, state, outputs):
        return margin(task, state, outputs)


def _model(normal):
    def model(points):
        score = points.flatten(1) @ normal
        return torch.stack([-score / 2, score / 2], 1)

    return model


@pytest.mark.parametrize("basis", ["values", "waves"])
def test_the_gradient_of_a_linear_loss_is_known_once_all_directions_were_asked(basis):
    normal = torch.randn(32, generator=torch.Generator().manual_seed(1))
    attack = Recorder(5)
    task = task_of(INPUTS, LABELS, L2(0.5))
    found = search(_model(normal), task, Estimated(attack, looks=8, basis=basis), retire="never")
    assert torch.allclose(attack.gradients[3].flatten(1), normal.expand(4, -1), atol=1e-2)
    assert not torch.allclose(attack.gradients[2].flatten(1), normal.expand(4, -1), atol=0.1)
    assert found.forwards.tolist() == [5 * 9 + 1] * 4, "the last look is at the point alone"


def test_slopes_are_told_in_the_units_of_each_value():
    narrow = torch.ones(2, 4, 4)
    narrow[0] = 0.5
    task = task_of(INPUTS * 0.5, LABELS, Linf(0.1), Domain(torch.zeros(2, 4, 4), narrow, None, (2, 4, 4)))
    normal = torch.randn(32, generator=torch.Generator().manual_seed(2))
    attack = Recorder(4)
    search(_model(normal), task, Estimated(attack, looks=8), retire="never")
    assert torch.allclose(attack.gradients[3].flatten(1), normal.expand(4, -1), atol=2e-2)


def test_every_point_is_in_the_range_of_the_data_and_where_change_is_allowed():
    mask = torch.rand(2, 4, 4) < 0.5
    task = task_of(INPUTS.round(), LABELS, Linf(0.1, mask=mask))
    attack = Estimated(PGD(3, loss=margin), looks=6, reach=0.2)
    state = attack.start(task)
    for _ in range(3):
        points = state.ask.points
        assert state.ask.want is Want.SCORES and points.shape[:2] == (4, 7)
        assert bool(((points >= 0) & (points <= 1)).all())
        assert bool(((points == task.inputs[:, None]) | mask).all())
        none = torch.full((4, 7), torch.inf)
        state = attack.step(
            task, state, Seen(torch.zeros(4, 7, 2), none, torch.rand(4, 7, 1), None, none[:, 0] < 0)
        )


def test_an_answer_that_is_no_number_gives_no_slope():
    task = task_of(INPUTS, LABELS, Linf(0.1))
    attack = Estimated(PGD(3, loss=margin), looks=4)
    state = attack.start(task)
    losses = torch.rand(4, 5, 1)
    losses[0, 2], losses[1, 0] = -torch.inf, -torch.inf
    none = torch.full((4, 5), torch.inf)
    after = attack.step(task, state, Seen(torch.zeros(4, 5, 2), none, losses, None, none[:, 0] < 0))
    assert bool(after.slopes.isfinite().all()) and bool(after.ask.points.isfinite().all())
    assert not bool(after.slopes[1].any())


def test_a_half_space_breaks_within_twice_as_many_queries_as_there_are_directions():
    problem = flat_boundary(Linf(0.05))
    attack = Estimated(PGD(step_size=0.1, loss=margin), looks=8)
    found = search(problem.model, problem.task, attack.within(60))
    assert torch.equal(found.success, problem.breakable)
    assert int(found.forwards.max()) <= 60


def test_scores_with_two_decimals_or_of_the_top_class_alone_are_enough():
    problem = flat_boundary(Linf(0.05))
    attack = Estimated(PGD(step_size=0.1, loss=margin), looks=8, reach=0.02).within(120)

    def rounded(points):
        return problem.model(points).softmax(1).mul(100).round() / 100

    def of_the_top(points):
        shown = problem.model(points).softmax(1)
        return torch.where(shown == shown.amax(1, keepdim=True), shown, 0)

    for model in (rounded, of_the_top):
        found = search(model, problem.task, attack)
        assert torch.equal(found.success, problem.breakable)


def test_values_at_the_end_of_their_range_are_told_from_the_other_side_and_fixed_ones_are_not_asked():
    normal = torch.randn(32, generator=torch.Generator().manual_seed(4))
    mask = torch.ones(2, 4, 4, dtype=torch.bool)
    mask[1, 2:] = False
    inputs = (INPUTS > 0.5).float()  # as one-hot columns are
    task = task_of(inputs, LABELS, Linf(0.5, mask=mask))
    attack = Recorder(4)
    found = search(_model(normal), task, Estimated(attack, looks=8, basis="values"), retire="never")
    free = torch.where(mask.flatten(), normal, 0)
    assert torch.allclose(attack.gradients[3].flatten(1), free.expand(4, -1), atol=1e-2)
    assert found.forwards.tolist() == [1 + 4 + 24] * 4


def _noisy(normal, share):
    """A surrogate whose slopes agree with those of `_model(normal)` in part."""
    other = torch.randn(32, generator=torch.Generator().manual_seed(9))
    other = other - (other @ normal) / (normal @ normal) * normal
    return _model(share * normal / normal.norm() + (1 - share**2) ** 0.5 * other / other.norm())


def test_a_surrogate_with_the_same_slopes_tells_the_gradient_in_one_look_whatever_their_length():
    normal = torch.randn(32, generator=torch.Generator().manual_seed(1))
    attack = Recorder(2)
    task = task_of(INPUTS, LABELS, L2(0.5))
    guided = Estimated(attack, looks=1, surrogate=_model(-7 * normal))
    found = search(_model(normal), task, guided, retire="never")
    assert torch.allclose(attack.gradients[0].flatten(1), normal.expand(4, -1), atol=2e-2)
    assert found.forwards.tolist() == [2 * 3 + 1] * 4, "what the surrogate is shown is not counted"


def test_what_a_surrogate_lacks_is_asked_of_the_target():
    normal = torch.randn(32, generator=torch.Generator().manual_seed(1))
    task, plain, guided = task_of(INPUTS, LABELS, L2(0.5)), Recorder(8), Recorder(8)
    search(_model(normal), task, Estimated(plain, looks=4), retire="never")
    search(_model(normal), task, Estimated(guided, looks=4, surrogate=_noisy(normal, 0.7)), retire="never")
    wanted = normal.expand(4, -1)
    early, late = (
        [torch.cosine_similarity(each.gradients[step].flatten(1), wanted) for each in (plain, guided)]
        for step in (1, 7)
    )
    assert bool((early[1] > early[0]).all())
    assert bool((late[1] > 0.99).all())


def test_a_surrogate_that_knows_nothing_costs_its_looks_alone():
    problem = flat_boundary(Linf(0.05))
    blind = Estimated(
        PGD(step_size=0.1, loss=margin), looks=8, surrogate=lambda points: points.flatten(1)[:, :3] * 0
    )
    found = search(problem.model, problem.task, blind.within(70))
    assert torch.equal(found.success, problem.breakable)
    assert int(found.forwards.max()) <= 70
