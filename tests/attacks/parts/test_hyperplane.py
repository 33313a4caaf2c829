"""The nearest way to a linear boundary inside a box, against general solvers."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize

from sparring.attacks.parts.hyperplane import across
from sparring.errors import ThreatError
from sparring.threat import L0, L1, L2, Linf
from sparring.threat.box import Box

BALLS = {"linf": Linf, "l2": L2, "l1": L1}
SIZE = 6


def problem(seed, reach):
    """A point, a normal, and a score that `reach` of the way to the farthest corner brings to zero."""
    generator = torch.Generator().manual_seed(seed)
    point = torch.rand(SIZE, generator=generator, dtype=torch.float64)
    if seed % 2:
        point[:2] = torch.tensor([0.0, 1.0])
    normal = torch.randn(SIZE, generator=generator, dtype=torch.float64)
    if seed % 3 == 0:
        normal[3] = 0
    sign = 1.0 if seed % 4 < 2 else -1.0
    most = float((normal.abs() * torch.where(-sign * normal > 0, 1 - point, point)).sum())
    return point, normal, sign * reach * most


def solved(norm, point, normal, excess):
    """The length of the smallest change, by a solver that knows nothing of the formulas."""
    w, x = normal.numpy(), point.numpy()
    low, high = -x, 1 - x
    if norm == "linf":
        cost = np.r_[np.zeros(SIZE), 1]
        ball = np.block([[np.eye(SIZE), -np.ones((SIZE, 1))], [-np.eye(SIZE), -np.ones((SIZE, 1))]])
        bounds = [*zip(low, high, strict=True), (0, None)]
        return linprog(cost, ball, np.zeros(2 * SIZE), np.r_[w, 0][None], [-excess], bounds).fun
    if norm == "l1":
        bounds = [(0, each) for each in high] + [(0, -each) for each in low]
        return linprog(np.ones(2 * SIZE), None, None, np.r_[w, -w][None], [-excess], bounds).fun
    on_plane = {"type": "eq", "fun": lambda change: w @ change + excess, "jac": lambda change: w}
    begin = np.where(-np.sign(excess) * w > 0, high, low) * 0.5
    bounds = list(zip(low, high, strict=True))
    result = minimize(
        lambda d: d @ d, begin, jac=lambda d: 2 * d, bounds=bounds, constraints=[on_plane], tol=1e-14
    )
    return np.sqrt(result.fun)


def length(norm, change):
    return {"linf": change.abs().max(), "l2": change.norm(), "l1": change.abs().sum()}[norm]


@pytest.mark.parametrize("norm", BALLS)
@pytest.mark.parametrize("reach", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("seed", range(6))
def test_the_smallest_change_that_arrives(norm, reach, seed):
    point, normal, excess = problem(seed, reach)
    threat = BALLS[norm](1.0, box=Box(0.0, 1.0))
    change = across(threat, point[None], normal[None], torch.tensor([excess], dtype=torch.float64))[0]
    assert float(excess + normal @ change) == pytest.approx(0, abs=1e-9)
    assert bool(((point + change >= -1e-12) & (point + change <= 1 + 1e-12)).all())
    assert float(length(norm, change)) == pytest.approx(solved(norm, point, normal, excess), rel=1e-4)


@pytest.mark.parametrize("norm", BALLS)
@pytest.mark.parametrize("seed", range(4))
def test_out_of_reach_means_the_farthest_corner(norm, seed):
    point, normal, excess = problem(seed, 1.5)
    threat = BALLS[norm](1.0, box=Box(0.0, 1.0))
    change = across(threat, point[None], normal[None], torch.tensor([excess], dtype=torch.float64))[0]
    downhill = -torch.sign(normal) * np.sign(excess)
    corner = torch.where(downhill > 0, 1.0, torch.where(downhill < 0, 0.0, point))
    assert torch.allclose(point + change, corner)


def test_l1_moves_the_steepest_coordinate_first():
    point, normal = torch.full((1, 4), 0.5), torch.tensor([[1.0, -4.0, 2.0, 0.5]])
    change = across(L1(1.0), point, normal, torch.tensor([3.0]))
    assert torch.allclose(change, torch.tensor([[0.0, 0.5, -0.5, 0.0]]))
    change = across(L1(1.0), point, normal, torch.tensor([2.5]))
    assert torch.allclose(change, torch.tensor([[0.0, 0.5, -0.25, 0.0]]))


@pytest.mark.parametrize("norm", BALLS)
def test_masked_coordinates_stay(norm):
    mask = torch.tensor([[True, False, True, True]])
    change = across(
        BALLS[norm](1.0, mask=mask), torch.full((1, 4), 0.5), torch.ones(1, 4), torch.tensor([0.6])
    )
    assert change[0, 1] == 0
    assert float(change.sum()) == pytest.approx(-0.6)


@pytest.mark.parametrize("norm", BALLS)
def test_no_slope_and_no_excess_move_nothing(norm):
    points = torch.full((2, 4), 0.5)
    normal = torch.stack([torch.zeros(4), torch.ones(4)])
    change = across(BALLS[norm](1.0), points, normal, torch.tensor([1.0, 0.0]))
    assert change.tolist() == [[0] * 4] * 2


@pytest.mark.parametrize("norm", BALLS)
def test_rows_do_not_know_of_each_other(norm):
    rows = [problem(seed, 0.2 + 0.1 * seed) for seed in range(5)]
    points, normals = (torch.stack([row[part] for row in rows]) for part in (0, 1))
    excess = torch.tensor([row[2] for row in rows], dtype=torch.float64)
    whole = across(BALLS[norm](1.0), points, normals, excess)
    for row in range(5):
        one = slice(row, row + 1)
        assert torch.equal(across(BALLS[norm](1.0), points[one], normals[one], excess[one])[0], whole[row])


def test_other_threats_have_no_formula():
    with pytest.raises(ThreatError, match="not for l0"):
        across(L0(1.0), torch.zeros(1, 2), torch.ones(1, 2), torch.ones(1))


@pytest.mark.parametrize("reach", [0.01, 0.3, 0.9])
def test_l1_moves_as_many_coordinates_as_it_takes(reach):
    """A few steep ones where they are enough, hundreds where they are not; rows do not know of each other."""
    generator = torch.Generator().manual_seed(1)
    points, normal = torch.full((2, 400), 0.5), torch.randn(2, 400, generator=generator)
    excess = torch.stack([reach * normal[0].abs().sum() / 2, 0.01 * normal[1].abs().sum()])
    threat = L1(1.0, box=Box(0.0, 1.0))
    change = across(threat, points, normal, excess)
    assert torch.allclose((change * normal).sum(1), -excess, rtol=1e-4)
    steep = normal[0].abs().sort(descending=True).values
    moved = int((change[0] != 0).sum())
    assert (
        float(steep[: moved - 1].sum()) / 2
        <= float(excess[0]) * 1.0001
        <= float(steep[:moved].sum()) / 2 * 1.0002
    )
    assert torch.equal(across(threat, points[:1], normal[:1], excess[:1]), change[:1])
