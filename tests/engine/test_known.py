"""Attacks on models whose exact robustness is known."""

from dataclasses import replace

import pytest
import torch

from sparring.attacks import (
    APGD,
    APGDL1,
    FAB,
    FGSM,
    MIM,
    PGD,
    Square,
    SquareL1,
    SquareL2,
    difference_of_logits_ratio,
    margin,
)
from sparring.domain import Domain
from sparring.engine import search
from sparring.threat import L1, L2, Linf
from tests import known

THREATS = {"linf": Linf(0.05), "l2": L2(0.2), "l1": L1(0.3)}
AROUND = {"linf": Linf(0.02), "l2": L2(0.11), "l1": L1(0.24)}
WIDE = {"linf": Linf(0.2), "l2": L2(1.0), "l1": L1(3.0)}
FIRST_ORDER = {"linf": APGD(20), "l2": APGD(20), "l1": APGDL1(40)}
norms = pytest.mark.parametrize("norm", THREATS)


def check(problem, attack, **options):
    """Exactly the breakable rows break, at points that the model itself gets wrong."""
    found = search(problem.model, problem.task, attack, **options)
    assert found.success.tolist() == problem.breakable.tolist()
    assert bool(found.finished.all())
    won = found.success
    assert bool(problem.task.threat.contains(found.adversarial, problem.task.inputs).all())
    assert bool((found.distance[won] >= problem.distance[won] * (1 - 1e-3)).all())
    return found


def test_the_problems_can_tell_attacks_apart():
    problems = [known.flat_boundary(each) for each in THREATS.values()]
    for problem in [*problems, *(known.sphere(each) for each in AROUND.values()), known.table()]:
        assert 0.2 < problem.breakable.double().mean() < 0.8
        clean = problem.model(problem.task.inputs)[:, None]
        assert not bool(problem.task.goal.reached(clean).any())


@norms
def test_half_space(norm):
    check(known.flat_boundary(THREATS[norm]), FIRST_ORDER[norm])


@norms
def test_sphere(norm):
    problem = known.sphere(AROUND[norm])
    clear = (problem.distance / AROUND[norm].eps - 1).abs() > 0.1
    attack = (
        FAB(60) if norm == "l1" else FIRST_ORDER[norm]
    )  # L1: climbing ends at whichever coordinate it began with
    found = search(problem.model, problem.task, attack)
    assert found.success[clear].tolist() == problem.breakable[clear].tolist()
    assert not bool((found.success & ~problem.breakable).any())


@norms
@pytest.mark.parametrize("classes", [2, 3, 4, 1000])
@pytest.mark.parametrize("name", ["ce", "dlr", "margin"])
def test_any_number_of_classes(norm, classes, name):
    loss = {"ce": None, "dlr": difference_of_logits_ratio, "margin": margin}[name]
    attack = FIRST_ORDER[norm] if loss is None else type(FIRST_ORDER[norm])(40, loss)
    check(known.of_classes(THREATS[norm], classes), attack)


@pytest.mark.parametrize("attack", [APGD(20), PGD(20), FAB(10), Square(100)], ids=repr)
def test_a_single_class_cannot_be_left(attack):
    problem = known.of_classes(Linf(0.05), 1)
    task = problem.task
    labels = torch.zeros_like(task.goal.labels)
    found = search(problem.model, replace(task, goal=type(task.goal)(labels)), attack)
    assert not bool(found.success.any())


@pytest.mark.parametrize("threshold", [0.0, 7.5, -2.0])
@pytest.mark.parametrize(
    "attack", [APGD(20), PGD(20), MIM(10), FGSM(), FAB(10), Square(600)], ids=lambda a: type(a).__name__
)
def test_one_logit(attack, threshold):
    check(known.one_logit(Linf(0.05), threshold), attack)


@norms
@pytest.mark.parametrize("scale", [1e3, 1e-6])
def test_saturated_and_tiny_logits(norm, scale):
    problem = known.scaled(THREATS[norm], scale)
    check(problem, FIRST_ORDER[norm])
    if norm != "l1":
        check(problem, PGD(20))
        check(problem, APGD(20, difference_of_logits_ratio))
    check(problem, FAB(20))


@pytest.mark.parametrize(
    "attack", [PGD(10), APGD(10), FAB(5), Square(30), FGSM()], ids=lambda a: type(a).__name__
)
def test_a_constant_model_breaks_never_and_nothing_crashes(attack):
    found = check(known.constant(Linf(0.05)), attack)
    assert torch.equal(found.adversarial, known.constant(Linf(0.05)).task.inputs)
    assert int(found.odd.sum()) == 0


def test_zero_gradients_stop_climbers_but_not_square():
    problem = known.stepped(Linf(0.05))
    climbed = search(problem.model, problem.task, FGSM())
    assert int(climbed.success.sum()) == 0
    searched = search(problem.model, problem.task, Square(600))
    near = problem.distance < 0.05 * 0.6
    assert bool(searched.success[near].all())
    assert not bool(searched.success[problem.distance > 0.05 + 1 / 64].any())


def test_a_table_breaks_only_where_it_can():
    problem = known.table()
    found = search(problem.model, problem.task, Square(300))
    assert not bool((found.success & ~problem.breakable).any())
    assert int(found.success.sum()) >= 5


@norms
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf], ids=["nan", "inf", "-inf"])
def test_where_the_model_has_no_answer_nothing_counts(norm, value):
    problem = known.broken_beyond(THREATS[norm], value)
    for attack in (FIRST_ORDER[norm], FAB(10)):
        found = check(problem, attack)
        assert int((found.odd > 0).sum()) > 0, "looks without an answer are reported"
        assert bool(found.margin.isfinite().all())


@norms
def test_fab_finds_the_closest_success(norm):
    problem = known.flat_boundary(THREATS[norm])
    task = replace(problem.task, threat=WIDE[norm].bind(problem.task.inputs, known.UNIT_IMAGE))
    found = search(problem.model, task, FAB(20), keep="closest", retire="never")
    assert bool(found.success.all())
    ratio = found.distance / problem.distance
    assert float(ratio.min()) > 0.999
    assert float(ratio.median()) < 1.01
    assert float(ratio.max()) < 1.06


@norms
def test_fab_comes_close_on_a_sphere(norm):
    problem = known.sphere(WIDE[norm])
    found = search(problem.model, problem.task, FAB(60), keep="closest", retire="never")
    ratio = found.distance / problem.distance
    assert float(ratio.min()) > 0.999
    assert float(ratio.median()) < (1.2 if norm == "l1" else 1.02)


@pytest.mark.parametrize("shape", [(32,), (4, 8), (1, 32), (2, 2, 2, 4)], ids=str)
@pytest.mark.parametrize("norm", THREATS)
def test_samples_of_any_shape(norm, shape):
    """Rows of a table, sounds, pictures without channels, films."""
    square = {"linf": Square(150), "l2": SquareL2(100), "l1": SquareL1(100)}[norm]
    problem = known.flat_boundary(THREATS[norm])
    domain = Domain(0.0, 1.0, None, shape)
    inputs = problem.task.inputs.reshape(-1, *shape)
    problem = replace(problem, task=known.task_of(inputs, problem.task.goal.labels, THREATS[norm], domain))
    for attack in (PGD(40), FIRST_ORDER[norm]):
        check(problem, attack)
    found = search(problem.model, problem.task, square)
    assert not bool((found.success & ~problem.breakable).any())
    assert int(found.success.sum()) >= 3
