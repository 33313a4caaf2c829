"""Walks: one generator per sample, each asked and answered at its own pace."""

from dataclasses import dataclass, field, replace

import pytest
import torch

from sparring.attacks import HopSkipJump
from sparring.attacks.parts.crossing import TRIES
from sparring.attacks.parts.walks import go_on, no_loss, set_out
from sparring.engine import search
from sparring.tensors import Each, join, take
from sparring.testing import half_space
from sparring.threat import L2, Targeted

PROBLEM = half_space(L2(0.2), rows=6)


@dataclass(frozen=True)
class Diary:
    """Asks for blocks of points, as many as the block's number; writes down what each sample is told."""

    blocks: int = 3
    steps: int = 100
    told: dict = field(default_factory=dict)

    step = staticmethod(go_on)
    loss = staticmethod(no_loss)

    def start(self, task):
        return set_out(task, self.walk)

    def walk(self, task):
        for block in range(1, self.blocks + 1):
            # every other point stands on the far side
            points = torch.cat([task.inputs if each % 2 else 1 - task.inputs for each in range(block)])
            answers = yield points
            self.told.setdefault(int(task.draws.keys), []).append(answers.tolist())


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_every_point_of_a_block_is_answered_in_its_place(batch):
    diary = Diary()
    found = search(PROBLEM.model, PROBLEM.task, diary, retire="never", batch=batch)
    assert found.queries.tolist() == [1 + 2 + 3] * 6
    assert bool(found.finished.all())
    assert list(diary.told) == PROBLEM.task.draws.keys.tolist()
    for told in diary.told.values():
        assert told == [[True], [True, False], [True, False, True]], (
            "reached outside the threat counts for the walk"
        )
    assert not bool(found.success.any()), "and for nothing else"


def test_a_budget_may_end_a_walk_anywhere():
    for budget in range(1, 7):
        found = search(PROBLEM.model, PROBLEM.task, Diary(), retire="never", budget=budget)
        assert found.queries.tolist() == [budget] * 6


def test_an_answer_that_is_no_number_is_no_success():
    told = Diary(blocks=1)
    task = take(PROBLEM.task, PROBLEM.task.goal.labels == 1)
    search(lambda points: torch.full((len(points), 3), torch.nan), task, told)
    assert list(told.told.values()) == [[[False]]] * 3


def test_a_sample_without_a_start_stops_nobody():
    """The third class never wins."""
    stubborn, labels = torch.arange(6) % 2 == 0, PROBLEM.task.goal.labels
    task = replace(PROBLEM.task, goal=Targeted(torch.where(stubborn, 2, 1 - labels), labels))
    found = search(PROBLEM.model, task, HopSkipJump(100, looks=10), retire="never")
    assert found.queries[stubborn].tolist() == [TRIES] * 3
    assert bool((found.margin < 0).eq(stubborn).all()), "its margin says that no start was found"
    assert bool((found.queries[~stubborn] > TRIES).all())
    assert bool(found.finished.all())


def test_things_of_rows_are_taken_and_joined_as_tensors_are():
    tree = {"things": Each(("a", "b", "c")), "rows": torch.arange(3)}
    for rows in (torch.tensor([2, 0]), torch.tensor([True, False, True])):
        taken = take(tree, rows)
        assert taken["things"].things == tuple("abc"[row] for row in taken["rows"].tolist())
    assert join(tree, taken)["things"].things == ("a", "b", "c", "a", "c")
