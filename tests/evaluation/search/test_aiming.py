"""Classes to aim at: on linear models the distance to each is known."""

import pytest
import torch
from torch import nn

import sparring
from sparring.attacks import PGD, margin
from sparring.attacks.suites import Stage
from sparring.evaluation.search.aiming import by_distance, by_score
from sparring.threat import L1, L2, Linf
from tests.known import task_of

DUALS = {"linf": (Linf(0.1), 1), "l2": (L2(0.5), 2), "l1": (L1(1.0), float("inf"))}


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Linear(6, 5, dtype=torch.float32)


def _task(net, threat, rows=20):
    inputs = torch.rand(rows, 6)
    clean = net(inputs).detach()
    task = task_of(inputs, clean.argmax(1), threat)
    return sparring.engine.Task(**{**vars(task), "clean": clean})


@pytest.mark.parametrize("norm", DUALS)
@pytest.mark.parametrize("batch", [7, 64])
def test_the_nearest_boundary_comes_first(net, norm, batch):
    threat, dual = DUALS[norm]
    task = _task(net, threat)
    order = by_distance(net, task, batch)
    labels, weights = task.goal.labels, net.weight.detach()
    gaps = task.clean.gather(1, labels[:, None]) - task.clean
    slopes = (weights[labels][:, None] - weights[None]).norm(p=dual, dim=2)
    distance = (gaps / slopes).gather(1, order)
    assert bool((distance.diff(dim=1) >= -1e-6).all())
    assert torch.equal(order.sort(dim=1).values, by_score(task.clean, labels).sort(dim=1).values)
    assert not torch.equal(order, by_score(task.clean, labels)), "scores alone say the same here: no test"


def test_only_the_likeliest_of_many_classes_are_looked_at():
    torch.manual_seed(0)
    net = nn.Linear(6, 50)
    task = _task(net, Linf(0.1))
    assert torch.equal(
        by_distance(net, task, 8).sort(dim=1).values,
        by_score(task.clean, task.goal.labels)[:, :20].sort(dim=1).values,
    )


def test_a_model_without_gradients_is_aimed_at_by_score(net):
    task = _task(net, Linf(0.1))
    assert torch.equal(
        by_distance(lambda points: net(points).detach(), task, 8), by_score(task.clean, task.goal.labels)
    )


def test_measuring_is_paid_for_once(net):
    inputs = torch.rand(20, 6)
    data = (inputs, net(inputs).argmax(1))
    tiny = PGD(1, step_size=1e-9, loss=margin)
    stages = [Stage("one", tiny, aims=2, order="distance"), Stage("two", tiny, aims=1, order="distance")]
    run = sparring.audit(net, data, "linf:0.000001", stages)
    rows = [row for row in run.records.to_pylist() if row["status"] == "robust"]
    assert rows and {(row["forwards"], row["backwards"]) for row in rows} == {(1 + 1 + 3 * 2, 4 + 3)}


def test_near_leaves_out_samples_that_were_not_brought_near(net):
    inputs = torch.rand(40, 6)
    data = (inputs, net(inputs).argmax(1))
    stages = [Stage("first", PGD(5, loss=margin)), Stage("near", PGD(5, loss=margin), near=0.5)]
    run = sparring.audit(net, data, "linf:0.05", stages)
    clean = net(inputs).detach().topk(2, dim=1).values
    gap = clean[:, 0] - clean[:, 1]
    tried = {row["index"] for row in run.attempts.to_pylist() if row["stage"] == "near"}
    first = {row["index"]: row for row in run.attempts.to_pylist() if row["stage"] == "first"}
    expected = {
        index
        for index, row in first.items()
        if row["outcome"] == "held" and row["margin"] >= -0.5 * float(gap[index])
    }
    assert tried == expected and 0 < len(tried) < len(first)
