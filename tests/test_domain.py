from typing import Any

import pytest
import torch

from sparring.domain import GREY_LEVEL, Domain
from sparring.errors import DataError


def test_bounds_are_inside_and_nan_is_not() -> None:
    domain = Domain(0.0, 1.0, GREY_LEVEL, (2,))
    rows = torch.tensor([[0.0, 1], [0, 1.0001], [-0.0001, 0], [torch.nan, 0], [0.5, 0.5]])
    assert domain.contains(rows).tolist() == [True, False, False, False, True]


def test_bounds_per_coordinate() -> None:
    domain = Domain(torch.tensor([0.0, -1]), torch.tensor([1.0, 5]), None, (2,))
    assert domain.contains(torch.tensor([[1.0, 5], [1, 6], [1.5, 0]])).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("shape", "image"),
    [((1, 4, 4), True), ((3, 4, 4), True), ((4, 2, 2), True), ((2, 4, 4), False), ((3,), False)],
)
def test_images_have_their_channels_first(shape: tuple[int, ...], image: bool) -> None:
    assert Domain(0.0, 1.0, None, shape).is_image == image


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ((1.0, 0.0, None, (2,)), "above its high bound"),
        ((0.0, torch.inf, None, (2,)), "finite"),
        ((torch.nan, 1.0, None, (2,)), "finite"),
        ((0.0, 1.0, 0.0, (2,)), "step"),
        ((torch.zeros(3), 1.0, None, (2,)), "do not fit"),
        ((torch.zeros(2, 2), 1.0, None, (2,)), "do not fit"),
    ],
)
def test_nonsense_is_one_sentence(fields: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Domain(*fields)
