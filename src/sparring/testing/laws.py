"""Laws that every attack obeys, each a function that raises AssertionError and says what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sparring.engine import Attack, Task, Want, search
from sparring.engine.contract import wants
from sparring.tensors import take, tree_map
from sparring.testing.problems import HalfSpace, half_space
from sparring.threat import Threat

__all__ = ["LAWS", "Case"]


@dataclass(frozen=True)
class Case:
    """An attack, a threat, and the largest share of the budget within which the attack finds what there is."""

    attack: Attack
    threat: Threat
    reach: float = 0.85

    def problem(self, **options: Any) -> HalfSpace:
        """The half-space on which this case is decided."""
        return half_space(self.threat, reach=self.reach, **options)


def stays_inside(case: Case) -> None:
    """What is returned lies in the threat and in the range of the data, and its distance is told rightly."""
    problem = case.problem()
    found = search(problem.model, problem.task, case.attack)
    task = problem.task
    assert bool(task.threat.contains(found.adversarial, task.inputs).all()), (
        "an adversarial example left the threat"
    )
    won = found.success
    distance = task.threat.distance(found.adversarial, task.inputs)
    assert torch.allclose(distance[won], found.distance[won]), "a distance in the books is wrong"
    assert torch.equal(found.adversarial[~won], task.inputs[~won]), "a row without success was changed"


def breaks_the_breakable(case: Case) -> None:
    """On a half-space it breaks what can be broken, and nothing else counts."""
    problem = case.problem()
    found = search(problem.model, problem.task, case.attack)
    missed, impossible = problem.breakable & ~found.success, ~problem.breakable & found.success
    assert not bool(missed.any()), f"rows {missed.nonzero().flatten().tolist()} can be broken but were not"
    assert not bool(impossible.any()), (
        f"rows {impossible.nonzero().flatten().tolist()} cannot be broken but were"
    )


def can_be_targeted(case: Case) -> None:
    """It reaches a class that is asked for by name."""
    problem = case.problem(targeted=True)
    found = search(problem.model, problem.task, case.attack)
    answers = problem.model(found.adversarial).argmax(1)
    assert torch.equal(found.success, problem.breakable), "with targets, other rows break than can be broken"
    assert torch.equal(answers == problem.task.goal.wanted, found.success), "success is not the wanted class"


def aim_does_not_decide(case: Case) -> None:
    """Success is any error, also where a loss is aimed at a class that cannot be reached."""
    problem = case.problem()
    hopeless = torch.full_like(problem.task.goal.labels, 2)
    found = search(problem.model, replace(problem.task, aim=hopeless), case.attack)
    answers = problem.model(found.adversarial).argmax(1)
    assert torch.equal(answers != problem.task.goal.labels, found.success), (
        "an error that missed the aim was lost"
    )


def changes_no_argument(case: Case) -> None:
    """Task, model and global random state are bit for bit as before."""
    problem = case.problem()
    before = (
        tree_map(Tensor.clone, problem.task),
        problem.model.normal.detach().clone(),
        torch.get_rng_state(),
    )
    search(problem.model, problem.task, case.attack)
    after = problem.task, problem.model.normal.detach(), torch.get_rng_state()
    assert _same(before, after), "an argument or the global random state was changed"
    assert problem.model.normal.grad is None, "a gradient was left in the model"


def rows_stand_alone(case: Case) -> None:
    """A row's books are the same in any batch, with any mates, in any order."""
    problem = case.problem()
    whole = search(problem.model, problem.task, case.attack)
    for batch, rows in ((7, torch.arange(len(problem.task))), (1, torch.tensor([1, 8, 15, 22]))):
        alone = search(problem.model, take(problem.task, rows), case.attack, batch=batch)
        assert _same(take(whole, rows), alone), f"batch {batch} changes results"
    order = torch.arange(len(problem.task)).flip(0)
    turned = search(problem.model, take(problem.task, order), case.attack)
    assert _same(take(whole, order), turned), "the order of the rows changes results"
    few = torch.tensor([3, 20])
    assert _same(take(whole, few), search(problem.model, take(problem.task, few), case.attack)), (
        "mates change results"
    )


def counts_every_pass(case: Case) -> None:
    """The books agree with a count kept by the model itself."""
    problem = case.problem(rows=16)
    counter = _Counter(problem)
    found = search(counter, problem.task, case.attack, batch=16, retire="never")
    told, made = int(found.forwards.sum()), counter.forwards
    assert told == made, f"{made} forwards were made and {told} charged"
    told, made = int(found.backwards.sum()), counter.backwards
    assert told == made, f"{made} backwards were made and {told} charged"
    alone = search(problem.model, take(problem.task, torch.arange(1)), case.attack, retire="never")
    assert int(alone.forwards[0]) == int(found.forwards[0]), "a row's charge depends on its mates"
    if not _climbs(case.attack, problem.task):
        assert int(found.backwards.sum()) == 0, "an attack that climbs nothing was charged backwards"
        assert torch.equal(found.queries, found.forwards), "scores were asked for and not counted as queries"


def keeps_the_budget(case: Case) -> None:
    """No row is shown to the model more often than its budget allows, and none stops short of it."""
    problem = case.problem()
    free = search(problem.model, problem.task, case.attack, retire="never")
    budget = max(1, int(free.forwards.min()) // 2)
    found = search(problem.model, problem.task, case.attack, retire="never", budget=budget)
    assert bool((found.forwards == budget).all()), (
        f"with a budget of {budget}, rows paid {found.forwards.tolist()}"
    )


def loses_no_success(case: Case) -> None:
    """Every point shown to the model counts, the very last one included."""
    problem = case.problem()
    for row in (10, 20):
        alone = take(problem.task, torch.tensor([row]))
        full = int(search(problem.model, alone, case.attack, retire="never").forwards.max())
        for budget in sorted({1, 2, full // 2, full}):
            witness = _Witness(problem.model, alone)
            found = search(witness, alone, case.attack, retire="never", keep="closest", budget=budget)
            assert bool(found.success) == witness.reached, (
                f"within {budget} looks a success was lost or invented in row {row}"
            )


def settled_rows_cost_nothing(case: Case) -> None:
    """A row stops at its first success."""
    problem = case.problem()
    found = search(problem.model, problem.task, case.attack)
    spent = found.forwards + found.backwards
    assert bool((spent[found.success] == found.found_after[found.success]).all()), (
        "a settled row was charged again"
    )
    assert bool(found.finished.all()), "a row was left unfinished"


LAWS = (
    stays_inside,
    breaks_the_breakable,
    can_be_targeted,
    aim_does_not_decide,
    changes_no_argument,
    rows_stand_alone,
    counts_every_pass,
    keeps_the_budget,
    loses_no_success,
    settled_rows_cost_nothing,
)


class _Counter:
    """The model, counting the rows that pass through it, forwards and backwards; batches are not filled up for it."""

    padded = False

    def __init__(self, problem: HalfSpace) -> None:
        self.model, self.forwards, self.backwards = problem.model, 0, 0

    def __call__(self, points: Tensor) -> Tensor:
        self.forwards += len(points)
        outputs = self.model(points)
        if points.requires_grad:
            outputs.register_hook(self._count)
        return outputs

    def _count(self, gradient: Tensor) -> None:
        self.backwards += len(gradient)


class _Witness:
    """The model, remembering whether an allowed success of the one row was among the points it was shown."""

    def __init__(self, model: Any, task: Task) -> None:
        self.model, self.task, self.reached = model, task, False

    def __call__(self, points: Tensor) -> Tensor:
        outputs = self.model(points)
        inputs, label = self.task.inputs, self.task.goal.labels
        for point, answer in zip(points.detach(), outputs.argmax(1), strict=True):
            near = bool(self.task.threat.contains(point[None], inputs))
            self.reached |= near and bool(answer != label)
        return outputs


def _climbs(attack: Attack, task: Task) -> bool:
    return bool((wants(attack.start(task).ask) == Want.GRADIENTS).any())


def _same(one: Any, other: Any) -> bool:
    """Bit for bit, a NaN being the same as itself."""
    differing: list[Tensor] = []

    def compare(a: Tensor, b: Tensor) -> Tensor:
        if not torch.equal(a.nan_to_num(nan=7e7), b.nan_to_num(nan=7e7)):
            differing.append(a)
        return a

    tree_map(compare, one, other)
    return not differing
