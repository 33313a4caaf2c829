"""Each law refuses an attack that breaks it, by name."""

from dataclasses import dataclass, replace

import pytest
import torch

from sparring.attacks import FGSM, PGD, cross_entropy, margin
from sparring.engine import State, gradient_at, scores_at
from sparring.testing import LAWS, Case, check_attack, half_space
from sparring.threat import L1, L2, Grid, Linf

THREAT = Linf(0.05)


@dataclass(frozen=True)
class Good(PGD):
    """PGD, to be broken in one place at a time."""

    steps: int = 20


@dataclass(frozen=True)
class Backwards:
    steps: int = 20

    def loss(self, task, state, outputs):
        return -margin(task, state, outputs)

    def start(self, task):
        return State(gradient_at(task.inputs))

    def step(self, task, state, seen):
        return PGD(self.steps).step(task, state, seen)


@dataclass(frozen=True)
class TooShort(Backwards):
    """A fifth of the budget is not enough."""

    def loss(self, task, state, outputs):
        return margin(task, state, outputs)

    def step(self, task, state, seen):
        moved = state.point + 0.01 * task.threat.eps * task.threat.steepest(seen.gradient, state.point)
        return State(gradient_at(task.threat.project(moved, task.inputs)))


@dataclass(frozen=True)
class IgnoresTargets(TooShort):
    """Always moves away from the third class, which no target is."""

    def loss(self, task, state, outputs):
        goal = (
            type(task.goal)(task.goal.labels, task.goal.labels) if task.goal.wanted is not None else task.goal
        )
        return cross_entropy(replace(task, goal=goal), state, outputs)

    def step(self, task, state, seen):
        return PGD(20).step(task, state, seen)


@dataclass(frozen=True)
class Meddles(TooShort):
    """Steps inside its argument."""

    def step(self, task, state, seen):
        task.inputs.add_(0)
        task.goal.labels.copy_(task.goal.labels)
        torch.rand(1)
        return PGD(20).step(task, state, seen)


@dataclass(frozen=True)
class Gossips(TooShort):
    """Every row is drawn a little towards the mean of its batch."""

    def step(self, task, state, seen):
        drawn = State(gradient_at(torch.lerp(state.point, state.point.mean(0, keepdim=True), 1e-4)))
        return PGD(20).step(task, drawn, seen)


@dataclass(frozen=True)
class Shared(TooShort):
    """Starts from one random point for the whole batch, of the global generator."""

    def start(self, task):
        noise = task.threat.eps * (2 * torch.rand_like(task.inputs) - 1)
        return State(gradient_at(task.threat.project(task.inputs + noise, task.inputs)))

    def step(self, task, state, seen):
        return PGD(20).step(task, state, seen)


@dataclass(frozen=True)
class GivesUp(TooShort):
    """Rows call themselves done after three steps."""

    def step(self, task, state, seen):
        state = PGD(20).step(task, state, seen)
        return replace(state, done=seen.loss > -torch.inf)


@dataclass(frozen=True)
class Peeks(TooShort):
    """Says that it needs scores only, and climbs."""

    def start(self, task):
        return State(scores_at(task.inputs))

    def step(self, task, state, seen):
        moved = state.point + task.threat.eps * task.threat.steepest(seen.gradient, state.point)
        return State(scores_at(task.threat.project(moved, task.inputs)))


def broken_by(attack, threat=THREAT, reach=0.85):
    """Names of the laws that the attack breaks."""
    names = []
    for law in LAWS:
        try:
            law(Case(attack, threat, reach))
        except AssertionError:
            names.append(law.__name__)
    return names


def test_a_good_attack_breaks_none():
    assert broken_by(Good()) == []
    check_attack(Good(), THREAT)


FAULTS = {
    "climbs downhill": (Backwards(), {"breaks_the_breakable", "can_be_targeted"}),
    "stops short of the budget": (TooShort(), {"breaks_the_breakable"}),
    "ignores targets": (IgnoresTargets(), {"can_be_targeted"}),
    "draws from the global generator": (Meddles(), {"changes_no_argument"}),
    "uses its mates": (Gossips(), {"rows_stand_alone"}),
    "starts at random without its own draws": (Shared(), {"rows_stand_alone", "changes_no_argument"}),
    "gives up early": (GivesUp(), {"breaks_the_breakable", "can_be_targeted"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_law_is_named(fault):
    attack, expected = FAULTS[fault]
    assert expected <= set(broken_by(attack))
    with pytest.raises(AssertionError, match=f"{type(attack).__name__} breaks the law"):
        check_attack(attack, THREAT)


def test_an_attack_cannot_see_gradients_that_it_did_not_ask_for():
    with pytest.raises(AssertionError, match="no gradients were wanted"):
        check_attack(Peeks(), THREAT)


@pytest.mark.parametrize("threat", [Linf(0.05), L2(0.2), L1(0.3)], ids=lambda each: each.norm)
def test_the_half_space_is_what_it_says(threat):
    problem = half_space(threat)
    inputs, labels = problem.task.inputs, problem.task.goal.labels
    assert torch.equal(problem.model(inputs).argmax(1), labels)
    assert bool(((inputs > 0.2) & (inputs < 0.8)).all()), "the range of the data plays no part"
    assert int(problem.breakable.sum()) == 12
    normal = problem.model.normal.detach()
    change = {
        "linf": normal.sign(),
        "l2": normal / normal.norm(),
        "l1": (normal.abs() == normal.abs().max()) * normal.sign(),
    }
    best = (
        float(threat.eps) * change[threat.norm].reshape(1, 2, 4, 4) * (1 - 2.0 * labels).reshape(-1, 1, 1, 1)
    )
    assert torch.equal(problem.model(inputs + best).argmax(1) != labels, problem.breakable)


def test_threats_without_a_formula_are_refused():
    with pytest.raises(ValueError, match="no formula for linf"):
        half_space(Grid(Linf(0.1)))


def test_fgsm_alone_solves_a_linear_problem():
    assert broken_by(FGSM()) == []
