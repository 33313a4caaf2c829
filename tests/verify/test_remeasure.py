"""Planted lies are refused."""

import pytest
import torch

from sparring.domain import Domain
from sparring.threat import L0, L1, L2, Grid, Linf
from sparring.verify import verified

ROWS, SHAPE = 6, (1, 2, 4)
DOMAIN = Domain(0.0, 1.0, None, SHAPE)
INPUTS = torch.full((ROWS, *SHAPE), 0.5)
LABELS = torch.zeros(ROWS, dtype=torch.int64)


def model(points):
    """Says 1 as soon as the first value is above a half, 2 when it is below."""
    first = points.flatten(1)[:, 0] - 0.5
    return torch.stack([torch.zeros_like(first) + 1e-9, first, -first], 1)


def moved(amount, place=0, row=0):
    """The truth (a small change of the first value that works), with one row told otherwise."""
    points = INPUTS.clone()
    points.flatten(1)[:, 0] += 0.01
    if amount is not None:
        points[row] = INPUTS[row]
        points.flatten(1)[row, place] += amount
    return points


def holds(points, threat, domain=DOMAIN, inputs=INPUTS, **options):
    return verified(
        model, inputs, LABELS, points, threat.bind(inputs, domain), domain, **options
    ).holds.tolist()


TRUTH = [True] * ROWS
ONE_LIE = [False] + [True] * (ROWS - 1)
THREATS = {"linf": Linf(0.1), "l2": L2(0.1), "l1": L1(0.1)}


@pytest.mark.parametrize("norm", [*THREATS, "l0"])
def test_the_truth_holds(norm):
    assert holds(moved(None), THREATS.get(norm, L0(1.0))) == TRUTH


@pytest.mark.parametrize("norm", THREATS)
@pytest.mark.parametrize("side", [1, -1])
def test_a_change_that_is_too_large(norm, side):
    beyond = 2e-6 if norm != "l1" else 2e-5
    assert holds(moved(side * (0.1 + beyond)), THREATS[norm]) == ONE_LIE
    assert holds(moved(side * 0.1), THREATS[norm]) == TRUTH


@pytest.mark.parametrize("norm", ["l2", "l1", "l0"])
def test_a_change_that_is_too_large_all_in_all(norm):
    points = moved(0.09)
    points[0, 0, 1] += 0.09
    assert holds(points, THREATS.get(norm, L0(4.0))) == ONE_LIE
    assert holds(points, Linf(0.1)) == TRUTH


def test_one_pixel_more_than_allowed():
    inputs = torch.full((ROWS, 3, 2, 4), 0.5)
    domain = Domain(0.0, 1.0, None, (3, 2, 4))
    points = inputs.clone()
    points[:, :, 0, 0] += 0.01
    assert holds(points, L0(1.0, pixels=True), domain, inputs) == TRUTH
    assert holds(points, Grid(L0(1.0, pixels=True)), domain, inputs) == TRUTH
    points[0, 1, 1, 1] += 1e-7
    assert holds(points, L0(1.0, pixels=True), domain, inputs) == ONE_LIE


@pytest.mark.parametrize("value", [1.0 + 1e-6, -1e-6, 7.0, torch.nan, torch.inf, -torch.inf])
def test_a_value_outside_the_range_of_the_data(value):
    inputs = INPUTS.clone()
    inputs[:, 0, 1, 1] = 0.0 if value < 0.5 else 1.0
    points = inputs.clone()
    points[:, 0, 0, 0] += 0.01
    assert holds(points, Linf(0.1), inputs=inputs) == TRUTH
    points[0, 0, 1, 1] = value
    assert holds(points, Linf(0.1), inputs=inputs) == ONE_LIE


def test_an_input_that_was_not_changed():
    assert holds(moved(0.0), Linf(0.1)) == ONE_LIE


def test_a_change_that_does_not_fool_the_model():
    assert holds(moved(0.05, place=3), Linf(0.1)) == ONE_LIE


def test_another_class_than_the_one_that_was_asked_for():
    targets = torch.ones(ROWS, dtype=torch.int64)
    assert holds(moved(-0.01), Linf(0.1), targets=targets) == ONE_LIE
    assert holds(moved(-0.01), Linf(0.1)) == TRUTH


@pytest.mark.parametrize("norm", [*THREATS, "l0", "linf per coordinate"])
def test_a_masked_value_that_changed(norm):
    mask = torch.ones(1, *SHAPE, dtype=torch.bool)
    mask[..., 3] = False
    eps = torch.full((1, *SHAPE), 0.1)
    threats = {"linf": Linf(0.1, mask), "l2": L2(0.1, mask), "l1": L1(0.1, mask), "l0": L0(4.0, mask=mask)}
    threat = threats.get(norm, Linf(eps, mask))
    points = moved(0.01)
    points[0, 0, 1, 3] += 1e-6
    assert holds(points, threat) == ONE_LIE
    assert holds(moved(0.01), threat) == TRUTH


def test_a_budget_per_coordinate():
    eps = torch.full(SHAPE, 0.1)
    eps[0, 1, 1] = 0.01
    points = moved(None)
    points[0, 0, 1, 1] += 0.02
    assert holds(points, Linf(eps)) == ONE_LIE


def test_a_budget_per_sample():
    eps = torch.full((ROWS,), 0.1)
    eps[0] = 0.005
    for ball in (Linf, L2, L1):
        assert holds(moved(None), ball(eps)) == ONE_LIE


def test_the_tolerance_is_that_of_the_data_and_not_of_the_other_samples():
    domain = Domain(0.0, 1e-3, None, SHAPE)
    inputs = INPUTS * 1e-3
    points = inputs.clone()
    points.flatten(1)[:, 0] += 1e-5

    def small(each):
        return model(each * 1e3)

    threat = Linf(1e-5).bind(inputs, domain)
    assert verified(small, inputs, LABELS, points, threat, domain).holds.tolist() == TRUTH
    points[0, 0, 0, 0] += 1e-7  # a hundredth of the budget, but less than a millionth of one
    assert verified(small, inputs, LABELS, points, threat, domain).holds.tolist() == ONE_LIE


def test_an_answer_that_is_not_a_number():
    def broken(points):
        lost = (points.flatten(1)[:, 1:2] > 0.55) & torch.tensor([False, True, False])
        return model(points).masked_fill(lost, torch.nan)

    points = moved(0.01)
    points.flatten(1)[0, 1] += 0.09
    told = verified(broken, INPUTS, LABELS, points, Linf(0.1).bind(INPUTS, DOMAIN), DOMAIN)
    assert told.holds.tolist() == ONE_LIE
    assert told.risk[0] == 0


def test_half_precision_on_the_way_does_not_round_a_lie_away():
    points = moved(0.1 + 3e-6)
    exact = verified(model, INPUTS, LABELS, points, Linf(0.1).bind(INPUTS, DOMAIN), DOMAIN)
    assert exact.distance.dtype is torch.float64
    assert exact.holds.tolist() == ONE_LIE


def test_distances_and_answers_are_told():
    points = moved(-0.03, row=2)
    told = verified(model, INPUTS, LABELS, points, Linf(0.1).bind(INPUTS, DOMAIN), DOMAIN)
    assert told.distance.tolist() == pytest.approx([0.01, 0.01, 0.03, 0.01, 0.01, 0.01], abs=1e-6)
    assert told.prediction.tolist() == [1, 1, 2, 1, 1, 1]
    assert told.risk.tolist() == [1.0] * ROWS


class Coin:
    """Errs with a probability of its own in each row, in a fixed rhythm."""

    def __init__(self, *shares):
        self.shares, self.calls = torch.tensor(shares), 0

    def __call__(self, points):
        wrong = (self.calls % 10) < (self.shares * 10).round()
        self.calls += 1
        wrong = torch.cat([wrong, wrong[-1:].expand(len(points) - len(wrong))])
        return torch.stack([(~wrong).float(), wrong.float()], 1)


def test_a_randomised_model_is_asked_often_and_the_majority_counts():
    coin = Coin(0.0, 0.2, 0.5, 0.6, 0.9, 1.0)
    told = verified(coin, INPUTS, LABELS, moved(None), Linf(0.1).bind(INPUTS, DOMAIN), DOMAIN, draws=100)
    assert coin.calls == 100
    assert told.risk.tolist() == pytest.approx([0.0, 0.2, 0.5, 0.6, 0.9, 1.0])
    assert told.holds.tolist() == [False, False, False, True, True, True]
    assert told.prediction.tolist()[3:] == [1, 1, 1]


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_the_batch_changes_nothing(batch):
    assert holds(moved(0.2), Linf(0.1), batch=batch) == ONE_LIE


def test_nothing_to_verify():
    none = INPUTS[:0]
    told = verified(model, none, LABELS[:0], none, Linf(0.1).bind(none, DOMAIN), DOMAIN)
    assert told.holds.tolist() == []
