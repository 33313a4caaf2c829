from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from sparring.tensors import flat, join, over_rows, per_row, pick, put, take, tree_map, vector

Pair = namedtuple("Pair", "left right")


@dataclass(frozen=True)
class Node:
    values: Tensor
    number: float
    rest: object = None


def tree(start):
    rows = torch.arange(start, start + 3)
    return Node(rows, 0.5, {"a": [rows * 10, None], "b": Pair(rows * 100, torch.tensor(7.0)), "c": "word"})


def leaves(node):
    a, b = node.rest["a"], node.rest["b"]
    return [node.values.tolist(), a[0].tolist(), b.left.tolist()]


def test_rows_of_a_tree_are_taken_together():
    for rows in (torch.tensor([2, 0]), torch.tensor([True, False, True])):
        taken = take(tree(1), rows)
        order = [3, 1] if rows.dtype is torch.int64 else [1, 3]
        assert leaves(taken) == [order, [each * 10 for each in order], [each * 100 for each in order]]
    assert (taken.number, taken.rest["a"][1], taken.rest["c"]) == (0.5, None, "word")
    assert isinstance(taken.rest["b"], Pair)
    assert taken.rest["b"].right == 7


def test_rows_are_joined_behind_each_other():
    joined = join(tree(1), tree(5))
    assert leaves(joined)[0] == [1, 2, 3, 5, 6, 7]
    assert joined.rest["b"].right == 7


def test_rows_are_put_into_a_copy():
    old, new = tree(1), take(tree(5), torch.tensor([0, 1]))
    for rows in (torch.tensor([0, 2]), torch.tensor([True, False, True])):
        changed = put(old, rows, new)
        assert leaves(changed) == [[5, 2, 6], [50, 20, 60], [500, 200, 600]]
    assert leaves(old) == leaves(tree(1))
    assert put(torch.zeros(2).double(), torch.tensor([1]), torch.ones(1)).dtype is torch.float64


def test_mappings_of_other_libraries_become_plain_dicts():
    mapped = tree_map(torch.neg, OrderedDict(logits=torch.ones(2)))
    assert type(mapped) is dict
    assert mapped["logits"].tolist() == [-1, -1]


def test_trees_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="zip"):
        tree_map(torch.add, [torch.ones(1)], [torch.ones(1), torch.ones(1)])


@pytest.mark.parametrize(
    "values", [2.0, torch.tensor(2.0), torch.tensor([2.0, 3.0]), torch.ones(2, 1, 3), torch.ones(1, 3)]
)
def test_per_row_values_broadcast(values):
    like = torch.zeros(2, 1, 3, dtype=torch.float64)
    shaped = per_row(values, like)
    assert shaped.dtype is torch.float64
    assert (like + shaped).shape == like.shape
    if torch.as_tensor(values).ndim == 1:
        assert (like + shaped)[1].unique().tolist() == [3]


def test_over_rows_appends_dimensions():
    assert over_rows(torch.ones(2, 3), torch.ones(2, 3, 4, 5)).shape == (2, 3, 1, 1)


def test_pick_chooses_whole_rows():
    yes, no = torch.ones(2, 2, 2), torch.zeros(2, 2, 2)
    assert pick(torch.tensor([True, False]), yes, no).flatten(1).tolist() == [[1] * 4, [0] * 4]


def test_flat_and_vector():
    assert flat(torch.ones(2, 3, 4)).shape == (2, 12)
    assert flat(torch.ones(0, 3, 4)).shape == (0, 12)
    like = torch.zeros(2, 3)
    assert vector(1.5, like).tolist() == [1.5, 1.5]
    assert vector(torch.tensor([[1.0], [2.0]]), like).tolist() == [1, 2]
