"""Randomness by counter: right numbers, right distributions, and nobody's numbers depend on anybody else."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sparring.draws import Draws, row_keys

MANY = torch.empty(200, 500)


def splitmix64(key: int, counter: int) -> int:
    """The published generator in plain integers, evaluated at a counter."""
    mask = 2**64 - 1
    z = (key + counter * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


@given(key=st.integers(-(2**63), 2**63 - 1), draw=st.integers(0, 10_000))
def test_the_bits_are_those_of_splitmix64(key, draw):
    bits = Draws(torch.tensor([key]))._bits(torch.empty(1, 3, 2), draw).flatten().tolist()
    expected = [splitmix64(key, draw * (2**32 + 1) + place) for place in range(6)]
    assert [each % 2**64 for each in bits] == expected


def test_the_generator_is_the_published_one():
    # the reference implementation, seeded with 1234567: its first state is seed + gamma
    assert [splitmix64(1234567, step) for step in (1, 2, 3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


def draws(rows=200, seed=0):
    return Draws(row_keys(seed, [str(row) for row in range(rows)]))


def test_uniform_numbers():
    numbers = draws().uniform(MANY)
    assert 0 <= float(numbers.min()) < 1e-4
    assert 1 - 1e-4 < float(numbers.max()) < 1
    counts = torch.histc(numbers, 20, 0, 1)
    assert torch.allclose(counts, torch.tensor(5000.0), atol=5 * 70)


def test_signs():
    numbers = draws().signs(MANY)
    assert set(numbers.unique().tolist()) == {-1.0, 1.0}
    assert abs(float(numbers.mean())) < 0.02


def test_normal_numbers():
    numbers = draws().normal(MANY).double()
    assert bool(numbers.isfinite().all())
    for power, moment in ((1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)):
        assert float((numbers**power).mean()) == pytest.approx(moment, abs=0.1)
    inside = float((numbers.abs() < 1).double().mean())
    assert inside == pytest.approx(math.erf(1 / math.sqrt(2)), abs=0.01)


@pytest.mark.parametrize("kind", ["uniform", "signs", "normal"])
def test_draws_places_and_rows_are_independent(kind):
    numbers = torch.stack([getattr(draws(), kind)(MANY, draw) for draw in range(3)]).double()
    numbers = numbers - numbers.mean()
    for other in (numbers.roll(1, 0), numbers.roll(1, 1), numbers.roll(1, 2)):
        assert abs(float((numbers * other).mean() / numbers.var())) < 0.01


@pytest.mark.parametrize("kind", ["uniform", "signs", "normal"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_type_gets_numbers_of_its_own(kind, dtype):
    numbers = getattr(draws(), kind)(MANY.to(dtype))
    assert numbers.dtype is dtype
    assert bool(numbers.isfinite().all())
    if kind == "uniform":
        assert float(numbers.min()) >= 0
        assert float(numbers.max()) < 1
        assert float(numbers.double().mean()) == pytest.approx(0.5, abs=0.01)


def test_a_row_draws_the_same_in_any_company():
    rows = draws(6)
    whole = rows.uniform(torch.empty(6, 2, 3), 4)
    for row in range(6):
        assert torch.equal(Draws(rows.keys[row : row + 1]).uniform(torch.empty(1, 2, 3), 4)[0], whole[row])


def test_rows_of_different_age_draw_for_themselves():
    rows, like = draws(3), torch.empty(3, 4)
    mixed = rows.uniform(like, torch.tensor([5, 0, 2]))
    for row, age in enumerate((5, 0, 2)):
        assert torch.equal(mixed[row], rows.uniform(like, age)[row])


def test_drawing_leaves_the_global_state_alone():
    before = torch.get_rng_state()
    draws().normal(MANY)
    assert torch.equal(before, torch.get_rng_state())


def test_keys_depend_on_every_word_and_on_nothing_else():
    first = row_keys(0, ["a", "b"], "apgd", 1)
    assert torch.equal(first, row_keys(0, ["a", "b"], "apgd", 1))
    assert torch.equal(row_keys(0, ["b"], "apgd", 1), first[1:])
    others = [(1, "apgd", 1), (0, "fab", 1), (0, "apgd", 2), (0, "apgd", "1"), (0, "apgd"), (0, "apgd", 1, 0)]
    keys = [int(row_keys(seed, ["a"], *words)[0]) for seed, *words in others]
    assert len({int(first[0]), *keys}) == 7
    assert len(set(row_keys(0, [str(each) for each in range(10_000)]).tolist())) == 10_000


def test_no_rows_have_no_keys():
    assert row_keys(0, []).shape == (0,)
