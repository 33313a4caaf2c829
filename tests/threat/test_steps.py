"""Rows of a table: whole steps, one value of each category, and columns that cannot change, in whatever is shown."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sparring
from sparring.attacks import HopSkipJump, Square, SquareL1, SquareL2
from sparring.tensors import take
from sparring.threat import L0, L1, L2, Linf
from tests.data.test_features import table

THREATS = {"linf": Linf(0.6), "l2": L2(1.3), "l1": L1(2.0), "l0": L0(2)}
LOOSE = {"linf": Linf(torch.inf), "l2": L2(torch.inf)}


def rule_breaks(domain, shown, inputs):
    """Which rules of the columns the rows `shown` break, given their clean rows, in the columns' own units."""
    columns = domain.columns
    rows, clean = columns.rows(shown).double(), columns.rows(inputs).double()
    change = rows - clean
    steps = change[:, columns.step > 0] / columns.step[columns.step > 0]
    kinds = rows[:, columns.group == 0]
    rules = {
        "range": ((rows >= columns.low) & (rows <= columns.high)).all(),
        "steps": (steps == steps.round()).all(),
        "fixed": (change[:, ~columns.mutable] == 0).all(),
        "one kind": (kinds.sum(1) == 1).all() & ((kinds == 0) | (kinds == 1)).all(),
    }
    return {name for name, kept in rules.items() if not bool(kept)}


@pytest.mark.parametrize("name", THREATS)
@given(seed=st.integers(0, 10**6), spread=st.sampled_from([0.01, 0.3, 3.0, 1e4]))
@settings(max_examples=15, deadline=None)
def test_what_is_shown_can_be_and_is_allowed(name, seed, spread):
    samples = table()
    inputs, threat = samples.inputs, THREATS[name].bind(samples.inputs, samples.domain)
    noise = torch.randn(inputs.shape, generator=torch.Generator().manual_seed(seed), dtype=inputs.dtype)
    for points in (inputs + spread * noise, threat.project(inputs + spread * noise, inputs)):
        shown = threat.render(points, inputs)
        assert not rule_breaks(samples.domain, shown, inputs)
        assert bool(threat.contains(shown, inputs).all())
        assert torch.equal(threat.render(shown, inputs), shown), "a row that can be stays"
    assert torch.equal(threat.render(inputs, inputs), inputs)


@pytest.mark.parametrize("name", THREATS)
def test_of_no_rows_none_are_shown(name):
    samples = table()
    threat = take(THREATS[name].bind(samples.inputs, samples.domain), torch.tensor([], dtype=torch.int64))
    assert threat.render(samples.inputs[:0], samples.inputs[:0]).shape == samples.inputs[:0].shape


def test_the_nearest_row_is_shown_where_it_is_allowed():
    samples = table()
    threat = Linf(0.26).bind(samples.inputs, samples.domain)
    points = samples.inputs.clone()
    points[:, 0] += torch.where(points[:, 0] > 5, -0.19, 0.19)
    years = samples.domain.columns.rows(threat.render(points, samples.inputs))[:, 0]
    assert ((years - samples.domain.columns.rows(samples.inputs)[:, 0]).abs() == 2).all()


def test_a_category_changes_as_a_whole():
    samples = table()
    threat = L2(0.8).bind(samples.inputs, samples.domain)
    points = samples.inputs.clone()
    points[:, 3:] = points[:, 3:].flip(1)
    shown = threat.render(points, samples.inputs)
    assert torch.equal(shown, points)
    assert torch.allclose(threat.distance(shown, samples.inputs), torch.tensor(0.5**0.5, dtype=torch.float64))
    near = L2(0.7).bind(samples.inputs, samples.domain)
    assert torch.equal(near.render(points, samples.inputs), samples.inputs), "too far: the category stays"


class Watched:
    """A model of rows that keeps what it was shown."""

    def __init__(self):
        self.shown = []

    def __call__(self, rows):
        self.shown.append(rows)
        score = rows[:, 0] / 10 + rows[:, 1] / 3e4 + 2 * rows[:, 3] - 8
        return torch.stack([-score, score], 1)


ATTACKS = {
    "square linf": (Square(60), Linf(0.6)),
    "square l2": (SquareL2(60), L2(1.3)),
    "square l1": (SquareL1(60), L1(2.0)),
    "hop skip jump": (HopSkipJump(), LOOSE["l2"]),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_every_query_is_a_row_that_can_be(name):
    (attack, threat), samples, model = ATTACKS[name], table(), Watched()
    labels = model(samples.domain.columns.rows(samples.inputs)).argmax(1)
    few = sparring.load_data(samples).select(torch.arange(8))
    model.shown.clear()
    search = {"retire": "never", "budget": 120}
    found = sparring.search(model, few, attack, threat, **search)
    columns = samples.domain.columns
    clean = columns.rows(few.inputs).double()
    for shown in torch.cat(model.shown).double():
        fits = [
            bool(((shown - row)[~columns.mutable] == 0).all()) and bool(((shown - row)[0] % 1) == 0)
            for row in clean
        ]
        assert any(fits), "a column that cannot change did, or an age is no whole number"
        assert bool(((shown >= columns.low) & (shown <= columns.high)).all())
        assert shown[3:].sum() == 1
    assert not rule_breaks(samples.domain, found.adversarial, few.inputs)
    assert len(labels) == 50
