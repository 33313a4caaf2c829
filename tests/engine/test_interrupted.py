"""Ctrl-C and memory that runs out lose nothing."""

import pytest
import torch

from sparring.attacks import PGD, Square
from sparring.engine import search
from sparring.errors import Interrupted, ModelError
from sparring.testing.laws import _same as same
from sparring.threat import Linf
from tests import known
from tests.engine.attacks import Corners

PROBLEM = known.flat_boundary(Linf(0.05))
MODEL, TASK = PROBLEM.model, PROBLEM.task


class Stopped:
    """A model at whose k-th call the user presses Ctrl-C."""

    def __init__(self, calls):
        self.left = calls

    def __call__(self, points):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return MODEL(points)


@pytest.mark.parametrize("calls", [1, 2, 5, 12, 20])
@pytest.mark.parametrize("retire", ["first", "never"])
def test_what_was_found_is_kept(calls, retire):
    with pytest.raises(Interrupted) as caught:
        search(Stopped(calls), TASK, PGD(20), batch=8, retire=retire)
    found, whole = caught.value.findings, search(MODEL, TASK, PGD(20), retire=retire)
    assert caught.value.exit_code == 130
    over = found.finished
    assert not bool(over.all())
    for name, values in vars(found).items():
        assert same(values[over], getattr(whole, name)[over]), f"{name} of a row that was over"
    assert bool((found.forwards <= whole.forwards).all())
    won = found.success
    assert bool(TASK.threat.contains(found.adversarial, TASK.inputs)[won].all())
    assert torch.equal(MODEL(found.adversarial).argmax(1) != TASK.goal.labels, won)
    seen = int((found.asks > 0).sum())
    assert seen >= 8 if calls > 1 else seen == 0


def test_successes_before_the_interruption_are_in_the_findings():
    stopped = Stopped(12)
    with pytest.raises(Interrupted) as caught:
        search(stopped, TASK, PGD(20), batch=64, retire="never")
    assert int(caught.value.findings.success.sum()) > 0
    assert not bool(caught.value.findings.finished.any())


def test_without_interruption_everything_is_finished():
    assert bool(search(MODEL, TASK, PGD(3)).finished.all())


CUDA, CPU, PYTHON = (
    "CUDA out of memory",
    "DefaultCPUAllocator: can't allocate memory: you tried",
    "MemoryError",
)


class Small:
    """A model that holds at most so many rows at once."""

    def __init__(self, rows, message=CPU):
        self.rows, self.message, self.largest = rows, message, 0

    def __call__(self, points):
        if len(points) > self.rows:
            if self.message == PYTHON:
                raise MemoryError
            raise (torch.OutOfMemoryError if self.message == CUDA else RuntimeError)(self.message)
        self.largest = max(self.largest, len(points))
        return MODEL(points)


@pytest.mark.parametrize("message", [CUDA, CPU, PYTHON])
@pytest.mark.parametrize("attack", [PGD(20), Square(50), Corners(6)], ids=lambda each: type(each).__name__)
def test_memory_that_runs_out_halves_the_batch_and_changes_nothing(message, attack):
    small = Small(8, message)
    found = search(small, TASK, attack, batch=64)
    assert small.largest <= 8
    assert same(found, search(MODEL, TASK, attack, batch=64))


def test_memory_that_runs_out_in_the_judge():
    found = search(MODEL, TASK, Corners(6), judge=Small(8), batch=64)
    assert same(found, search(MODEL, TASK, Corners(6), judge=MODEL, batch=64))


def test_memory_that_runs_out_in_the_middle():
    class Later(Small):
        calls = 0

        def __call__(self, points):
            self.calls += 1
            self.rows = 8 if self.calls > 5 else 64
            return super().__call__(points)

    assert same(search(Later(64), TASK, PGD(20)), search(MODEL, TASK, PGD(20)))


def test_a_single_row_that_does_not_fit_is_one_sentence():
    with pytest.raises(ModelError, match="memory ran out on a single sample"):
        search(Small(0), TASK, PGD(3))


def test_other_faults_of_the_model_are_not_taken_for_memory():
    def broken(points):
        raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises((RuntimeError, ModelError), match="shapes cannot be multiplied"):
        search(broken, TASK, PGD(3))
