"""The list of faults stays true, and some of them are really planted; `run.py` plants them all."""

import ast

import pytest

from tests.faults.chosen import CHOSEN
from tests.faults.drawn import draw, possible
from tests.faults.equivalent import EQUIVALENT
from tests.faults.fault import SOURCE
from tests.faults.run import noticed_by

QUICK = {
    "eps is written in grey levels": "tests/threat/test_parse.py",
    "the interval is upside down": "tests/evaluation/test_statistics.py",
    "the model's mode is left changed": "tests/models/test_guard.py",
}


def _source(fault):
    return (SOURCE / fault.file).read_text()


@pytest.mark.parametrize("fault", CHOSEN, ids=lambda fault: fault.name)
def test_a_chosen_fault_still_applies(fault):
    planted = fault.planted(_source(fault))
    assert planted != _source(fault)
    ast.parse(planted)


def test_chosen_faults_have_names_of_their_own():
    assert len({fault.name for fault in CHOSEN}) == len(CHOSEN)


def test_a_draw_depends_on_the_seed_alone():
    assert draw(30, seed=1) == draw(30, seed=1)
    assert draw(30, seed=1) != draw(30, seed=2)
    assert draw(10, seed=1) == draw(30, seed=1)[:10]


def test_every_fault_that_can_be_drawn_is_a_program_of_its_own():
    faults = possible()
    assert len({fault.name for fault in faults}) == len(faults) > 1000
    for fault in draw(40):
        assert ast.dump(ast.parse(fault.planted(_source(fault)))) != ast.dump(ast.parse(_source(fault)))


def test_messages_annotations_and_docstrings_are_left_alone():
    for fault in draw(40, seed=3):
        tree = ast.parse(fault.planted(_source(fault)))
        assert _silent(tree) == _silent(ast.parse(_source(fault)))


def _silent(tree):
    """Everything that no fault may touch."""
    nodes = list(ast.walk(tree))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    kept = [node for node in nodes if isinstance(node, ast.Raise | ast.arg)]
    kept += [each for node in functions for each in (node.returns, *node.decorator_list) if each]
    return [ast.dump(node) for node in kept], [ast.get_docstring(node) for node in functions]


def test_what_is_called_equivalent_can_still_be_drawn():
    assert set(EQUIVALENT) <= {fault.name for fault in (*CHOSEN, *possible())}


@pytest.mark.parametrize("name", QUICK)
def test_a_planted_fault_is_noticed(name):
    (fault,) = (each for each in CHOSEN if each.name == name)
    assert noticed_by(fault, [QUICK[name]])
