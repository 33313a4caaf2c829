"""Attacks that look for the smallest change, on models where it is known."""

import itertools
import math
from dataclasses import replace

import pytest
import torch

from sparring.attacks import (
    ALMA,
    DDN,
    FAB,
    FMN,
    PDPGD,
    BrendelBethge,
    CarliniWagner,
    DeepFool,
    NearestClass,
    SigmaZero,
    SparseRS,
    SuperDeepFool,
    margin,
)
from sparring.attacks.pdpgd import _cut, _short
from sparring.engine import search
from sparring.errors import ThreatError
from sparring.threat import L0, L1, L2, Linf, Targeted
from tests.known import flat_boundary, sphere, task_of

LINF, L2_, L1_ = Linf(0.05), L2(0.2), L1(0.3)

# The attack, its threat, and by how much its median may miss the exact distance of a half-space.
FLAT = {
    "fmn-linf": (FMN(200), LINF, 0.01),
    "fmn-l2": (FMN(200), L2_, 0.01),
    "fmn-l1": (FMN(200), L1_, 0.01),
    "ddn": (DDN(200), L2_, 0.01),
    "alma-l2": (ALMA(300, loss=margin), L2_, 0.01),
    "alma-l1": (ALMA(500, 0.5, 0.5, loss=margin), L1_, 0.01),
    "pdpgd-linf": (PDPGD(300), LINF, 0.01),
    "pdpgd-l2": (PDPGD(300), L2_, 0.01),
    "pdpgd-l1": (PDPGD(500), L1_, 0.02),
    "carlini-wagner": (CarliniWagner(9, 100), L2_, 0.01),
    "fab-linf": (FAB(30), LINF, 0.01),
    "fab-l2": (FAB(30), L2_, 0.01),
    "fab-l1": (FAB(30), L1_, 0.01),
    "brendel-bethge-linf": (BrendelBethge(60), LINF, 0.01),
    "brendel-bethge-l2": (BrendelBethge(60), L2_, 0.01),
    "brendel-bethge-l1": (BrendelBethge(60), L1_, 0.01),
    "deepfool-linf": (DeepFool(20), LINF, 0.025),  # its overshoot is two hundredths
    "deepfool-l2": (DeepFool(20), L2_, 0.025),
    "deepfool-l1": (DeepFool(20), L1_, 0.025),
    "super-deepfool": (SuperDeepFool(20), L2_, 0.01),
    "nearest-class": (NearestClass(FMN(100)), L2_, 0.01),
}


def closest(problem, attack):
    """What the attack finds without a budget."""
    task = replace(problem.task, threat=replace(problem.task.threat, eps=math.inf))
    return search(problem.model, task, attack, retire="never", keep="closest")


@pytest.mark.parametrize("name", FLAT)
def test_the_distance_of_a_half_space(name):
    attack, threat, error = FLAT[name]
    problem = flat_boundary(threat)
    ratio = closest(problem, attack).distance / problem.distance
    assert bool((ratio >= 1 - 1e-4).all()), "a distance is shorter than is possible"
    assert float(ratio.median()) <= 1 + error


CURVED = {
    "fmn-linf": (FMN(200), LINF),
    "fmn-l2": (FMN(200), L2_),
    "fmn-l1": (FMN(200), L1_),
    "ddn": (DDN(200), L2_),
    "pdpgd-linf": (PDPGD(300), LINF),
    "pdpgd-l2": (PDPGD(300), L2_),
    "pdpgd-l1": (PDPGD(300), L1_),
    "alma-l2": (ALMA(300, loss=margin), L2_),
    "alma-l1": (ALMA(300, 0.5, 0.5, loss=margin), L1_),
    "fab": (FAB(50), L2_),
    "brendel-bethge-linf": (BrendelBethge(100), LINF),
    "brendel-bethge-l2": (BrendelBethge(100), L2_),
    "brendel-bethge-l1": (BrendelBethge(100), L1_),
    "super-deepfool": (SuperDeepFool(50), L2_),
}


@pytest.mark.parametrize("name", CURVED)
def test_the_distance_to_a_sphere(name):
    attack, threat = CURVED[name]
    problem = sphere(threat)
    ratio = closest(problem, attack).distance / problem.distance
    assert bool((ratio >= 1 - 1e-4).all())
    assert float(ratio.median()) <= 1.01


@pytest.mark.parametrize("name", FLAT)
def test_a_target_out_of_reach_is_never_found(name):
    attack, threat, _ = FLAT[name]
    problem = flat_boundary(threat)
    task = problem.task
    labels = task.goal.labels

    def model(points):
        """A further class, which no point in the box reaches."""
        scores = problem.model(points)
        return torch.cat([scores, scores.amin(1, keepdim=True) - 1], 1)

    goal = Targeted(torch.full_like(labels, model(task.inputs).shape[1] - 1), labels)
    bound = replace(task, goal=goal, threat=replace(task.threat, eps=math.inf))
    found = search(model, bound, attack, retire="never", keep="closest")
    assert not bool(found.success.any())
    assert bool(found.distance.isinf().all())
    assert int(found.odd.sum()) == 0
    assert torch.equal(found.adversarial, task.inputs)


FEWEST = [SigmaZero(300), FMN(200), SparseRS(1000)]


@pytest.mark.parametrize("pixels", [False, True])
@pytest.mark.parametrize("attack", FEWEST, ids=["sigma-zero", "fmn", "sparse-rs"])
def test_the_fewest_values_are_found(attack, pixels):
    """Against every choice of values, or of pixels."""
    generator = torch.Generator().manual_seed(4)
    normal = torch.randn(2, 2, 3, generator=generator)
    inputs = torch.rand(12, 2, 2, 3, generator=generator) * 0.2 + 0.4
    scores = (inputs * normal).flatten(1).sum(1)
    offset = float(scores.median()) + 2

    def model(points):
        score = (points * normal).flatten(1).sum(1) - offset
        return torch.stack([-score, score], 1)

    labels = model(inputs).argmax(1)
    threat = L0(math.inf, pixels=pixels)
    found = search(model, task_of(inputs, labels, threat), attack, retire="never", keep="closest")
    exact = torch.tensor(
        [_fewest(model, row, int(label), pixels) for row, label in zip(inputs, labels, strict=True)]
    )
    assert found.distance.tolist() == exact.tolist()
    assert exact.max() > 1, "the problem is too easy to tell"


@pytest.mark.parametrize("attack", FEWEST[:2], ids=["sigma-zero", "fmn"])
def test_the_fewest_squares_are_found(attack):
    """Against the sum of the largest gains: each square of a linear model gains what its best corner does."""
    generator = torch.Generator().manual_seed(5)
    normal = torch.randn(2, 5, 8, generator=generator)
    inputs = torch.rand(12, 2, 5, 8, generator=generator) * 0.2 + 0.4

    def model(points):
        score = 12 - (points * normal).flatten(1).sum(1) + (0.5 * normal).sum()
        return torch.stack([score, -score], 1)

    threat = L0(math.inf, pixels=True, side=3)
    found = search(
        model, task_of(inputs, model(inputs).argmax(1), threat), attack, retire="never", keep="closest"
    )
    gains = (normal * torch.where(normal > 0, 1 - inputs, -inputs)).sum(1)
    squares = [gains[:, top : top + 3, left : left + 3].sum((1, 2)) for top in (0, 3) for left in (0, 3, 6)]
    most = torch.stack(squares, 1).sort(dim=1, descending=True).values.cumsum(1)
    exact = (most < model(inputs)[:, :1]).sum(1) + 1
    assert found.distance.tolist() == exact.tolist()
    assert exact.min() > 1, "the problem is too easy to tell"
    assert exact.max() < 6, "the problem is too hard to tell"


def _fewest(model, row, label, pixels):
    """The least number of values that can change the answer, by trying every choice and every corner of it."""
    places = list(range(row[0].numel() if pixels else row.numel()))
    for count in range(1, len(places) + 1):
        for chosen in itertools.combinations(places, count):
            mask = torch.zeros(len(places), dtype=torch.bool)
            mask[list(chosen)] = True
            mask = mask.reshape(row.shape[1:]).expand_as(row) if pixels else mask.reshape(row.shape)
            free = int(mask.sum())
            corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * free).reshape(-1, free)
            tries = row.expand(len(corners), *row.shape).clone()
            tries[:, mask] = corners
            if bool((model(tries).argmax(1) != label).any()):
                return float(count)
    return math.inf


def test_the_nearest_class_is_aimed_at():
    """Three classes in a plane: the one with the second best score is far, the third is near."""
    steep = torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.0, 8.0]])

    def model(points):
        return points @ steep.T - torch.tensor([0.0, 0.4, 4.4])

    inputs = torch.tensor([[0.5, 0.5]])
    task = task_of(inputs, model(inputs).argmax(1), L2(math.inf))
    assert model(inputs).argsort(descending=True).tolist() == [[0, 1, 2]]
    found = search(model, task, NearestClass(FMN(30), 2), retire="never", keep="closest")
    assert found.distance.tolist() == pytest.approx([0.05], rel=0.01)
    first = search(
        model, replace(task, aim=torch.tensor([1])), NearestClass(FMN(30), 2), retire="never", keep="closest"
    )
    assert int(first.asks) == 31, "where an aim is given nothing is looked at first"


def test_runs_at_further_classes_begin_anew():
    problem = flat_boundary(L2_, rows=4)
    attack = NearestClass(DeepFool(5), 2, 2)
    found = closest(problem, attack)
    assert int(found.asks.max()) <= attack.steps + 1
    assert bool(found.finished.all())


@pytest.mark.parametrize(
    "attack", [DDN(), ALMA(), PDPGD(), SuperDeepFool(), CarliniWagner(), SigmaZero(), BrendelBethge()]
)
def test_an_attack_of_another_norm_is_refused(attack):
    wrong = (
        L0(3) if isinstance(attack, PDPGD | BrendelBethge) else L2_ if isinstance(attack, SigmaZero) else LINF
    )
    with pytest.raises(ThreatError, match=f"not (in|for) {wrong.norm}; use FMN"):
        attack.start(replace(flat_boundary(LINF).task, threat=wrong))


def test_a_walk_along_the_boundary_begins_where_it_is_told():
    """At points beyond a half-space the first look is at them, and the second is nearer and still across."""
    problem = flat_boundary(L2_, rows=6)
    found = closest(problem, BrendelBethge(40)).adversarial
    begin = problem.task.inputs + 1.5 * (found - problem.task.inputs)
    task = replace(problem.task, threat=replace(problem.task.threat, eps=math.inf), begin=begin)
    attack = BrendelBethge(1)
    assert torch.equal(attack.start(task).point, begin)
    short = search(problem.model, task, attack, retire="never", keep="closest")
    assert bool(short.success.all())
    assert bool((short.distance < (begin - task.inputs).flatten(1).norm(dim=1)).all())


def test_a_cut_spends_what_it_is_given():
    generator = torch.Generator().manual_seed(0)
    wish, metric = torch.randn(6, 40, generator=generator), torch.rand(6, 40, generator=generator) + 0.1
    spend = torch.tensor([0.0, 0.01, 0.5, 2.0, 10.0, 1e6])
    cut, length = _cut(wish, metric, spend)
    assert torch.allclose(length[1:], cut[1:].abs().amax(1), atol=1e-6)
    spent = (metric * (wish.abs() - cut.abs())).sum(1)
    assert torch.allclose(spent[:5], spend[:5], atol=1e-4)
    assert float(cut[5].abs().max()) == 0.0
    assert bool((cut * wish >= 0).all())


def test_what_a_proximal_step_in_l2_loses_in_length_it_pays_in_its_metric():
    """At the minimum of spend ||d|| + (d - z)' H (d - z) / 2, H (z - d) is `spend` long and points along d."""
    generator = torch.Generator().manual_seed(0)
    wish, metric = torch.randn(6, 40, generator=generator), torch.rand(6, 40, generator=generator) ** 4 + 1e-4
    spend = torch.tensor([0.0, 0.01, 0.1, 0.5, 0.9, 1e6])
    change, length = _short(wish, metric, spend)
    assert torch.allclose(length, change.norm(dim=1), rtol=1e-4, atol=1e-6)
    force = metric * (wish - change)
    assert torch.allclose(force[:5].norm(dim=1), spend[:5], rtol=0.01, atol=1e-6)
    along = torch.nn.functional.cosine_similarity(force[1:5], change[1:5])
    assert torch.allclose(along, torch.ones(4), atol=1e-4)
    assert float(change[5].abs().max()) == 0.0


def test_alma_in_l1_leaves_alone_what_need_not_change():
    """On a sphere one value is enough."""
    problem = sphere(L1_)
    found = closest(problem, ALMA(300, 0.5, 0.5, loss=margin))
    changed = (found.adversarial != problem.task.inputs).flatten(1).sum(1)
    assert float(changed.double().mean()) <= 1.5


def test_almas_first_step_minds_the_range_of_the_data():
    """Where half of the values are at a wall, the rest go further, so that the step is as long as was asked."""
    problem = flat_boundary(L2_, rows=4)
    inputs = problem.task.inputs.clone()
    inputs[:, ::2] = 0.0
    task = replace(problem.task, inputs=inputs)
    slope = torch.ones_like(inputs)
    rate = ALMA(step_size=0.05)._first_rate(task, slope)
    moved = (inputs - rate.reshape(-1, 1, 1, 1) * slope).clamp(0, 1)
    assert torch.allclose((moved - inputs).flatten(1).norm(dim=1), torch.full((4,), 0.05), rtol=1e-3)
