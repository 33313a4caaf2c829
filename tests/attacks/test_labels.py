"""Attacks that see labels only: smallest changes on boundaries that are known, and what they are allowed to see."""

import math
from dataclasses import replace

import pytest
import torch

import sparring
from sparring.attacks import CGBA, BoundaryWalk, GeoDA, HopSkipJump, RayS, SignOPT, SurFree, Triangle
from sparring.demo import nets
from sparring.engine import search
from sparring.errors import UsageError
from sparring.threat import L2, Linf
from tests.known import flat_boundary, one_logit, sphere

LINF, L2_ = Linf(0.05), L2(0.2)

# The attack, its threat, and by how much its median may miss the exact distance after 400 queries.
FLAT = {
    "hop-skip-jump-l2": (HopSkipJump(400), L2_, 0.12),
    "hop-skip-jump-linf": (HopSkipJump(400), LINF, 0.25),
    "cgba-l2": (CGBA(400), L2_, 0.1),
    "cgba-linf": (CGBA(400), LINF, 0.08),
    "rays": (RayS(400), LINF, 0.02),
    "geoda-l2": (GeoDA(400), L2_, 0.25),
    "geoda-linf": (GeoDA(400), LINF, 0.25),
    "surfree": (SurFree(400, frequencies=1.0), L2_, 0.08),
    "triangle": (Triangle(400, frequencies=1.0), L2_, 0.15),
    "sign-opt": (SignOPT(400), L2_, 0.05),
    "boundary-walk": (BoundaryWalk(400), L2_, 0.15),
}


def ratio(problem, attack):
    """By how much the smallest change that is found exceeds the one that there is."""
    task = replace(problem.task, threat=replace(problem.task.threat, eps=math.inf))
    found = search(problem.model, task, attack, retire="never", keep="closest")
    times = found.distance / problem.distance
    assert bool((times >= 1 - 1e-4).all()), "a distance is shorter than is possible"
    return float(times.median())


@pytest.mark.parametrize("name", FLAT)
def test_the_distance_of_a_half_space(name):
    attack, threat, error = FLAT[name]
    assert ratio(flat_boundary(threat, rows=4), attack) <= 1 + error


@pytest.mark.parametrize("attack", [RayS(400), CGBA(400)], ids=["rays", "cgba"])
def test_the_distance_to_a_sphere(attack):
    assert ratio(sphere(LINF, rows=4), attack) <= 1.15


def test_the_suite_for_trees_finds_the_nearest_box():
    """Answers are constant on boxes: two values must pass thresholds, a third must not, the others do not matter."""

    def model(points):
        turned = (points[:, 0] >= 0.6) & (points[:, 1] < 0.43) & (points[:, 2] < 0.51)
        return torch.stack([~turned, turned], 1).float()

    inputs, labels = torch.full((4, 6), 0.5), torch.zeros(4, dtype=torch.int64)
    features = {f"x{column}": {"range": (0, 1)} for column in range(6)}
    data = sparring.load_data((inputs, labels), features=features)
    run = sparring.audit(model, data, "linf:min", "trees", queries=150)
    found = torch.tensor(run.records["distance"].to_pylist())
    assert bool((found >= 0.1 - 1e-6).all())
    assert bool((found <= 0.1 * 1.005).all())


def test_nothing_but_the_class_is_seen():
    """Scores that mislead change nothing: the engine shows classes only, of one logit, too."""
    problem = one_logit(L2_)
    plain = search(problem.model, problem.task, CGBA(150))
    hidden = search(lambda points: problem.model(points).sign() * 1e6, problem.task, CGBA(150))
    assert bool(plain.success.any())
    assert torch.equal(plain.adversarial, hidden.adversarial)
    assert torch.equal(plain.queries, hidden.queries)


def test_an_earlier_success_is_where_a_later_stage_begins():
    problem = flat_boundary(L2_, rows=4)
    first = search(problem.model, problem.task, CGBA(200), retire="never", keep="closest")
    begun = replace(problem.task, begin=first.adversarial)
    found = search(problem.model, begun, SurFree(60), retire="never", keep="closest")
    assert bool(first.success.any())
    assert bool((found.distance[first.success] <= first.distance[first.success]).all())


def test_a_target_is_reached_from_samples_of_its_class():
    model, (inputs, labels) = nets.plain(), nets.images(40)
    classes = model(inputs).argmax(1)
    few, targets = (inputs[:4], labels[:4]), (labels[:4] + 1) % 10
    begin = torch.stack([inputs[(classes == target).nonzero()[0, 0]] for target in targets])
    options = {"targets": targets, "retire": "never", "keep": "closest", "budget": 150}
    found = sparring.search(model, few, CGBA(), "l2:min", begin=begin, **options)
    assert bool(found.success.all())
    assert torch.equal(model(found.adversarial).argmax(1), targets)
    assert bool((found.distance < 0.8 * (begin - few[0]).flatten(1).norm(dim=1)).all())
    with pytest.raises(UsageError, match=r"points to start from have shape \(2, .*one per sample, \(4, "):
        sparring.search(model, few, CGBA(), "l2:min", begin=begin[:2], **options)
