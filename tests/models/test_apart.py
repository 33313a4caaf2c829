"""Rows that are draws of one point meet different draws of a model that draws once per call."""

import torch

from sparring.models.apart import Apart


def test_rows_keep_their_order_and_neighbours_get_draws_of_their_own():
    calls = []

    def model(inputs):
        calls.append(len(inputs))
        return inputs + 100 * len(calls)

    rows = torch.arange(6.0)[:, None]
    answers = Apart(model, 3)(rows)
    assert (answers - rows).squeeze(1).tolist() == [100.0, 200.0, 300.0] * 2
    assert len(calls) == 3


def test_fewer_rows_than_draws_are_asked_once_each():
    assert Apart(lambda inputs: inputs, 20)(torch.arange(3.0)[:, None]).squeeze(1).tolist() == [0, 1, 2]


def test_gradients_come_back_to_their_rows():
    points = torch.rand(6, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(Apart(lambda inputs: inputs.square(), 2)(points).sum(), points)
    assert torch.allclose(gradient, 2 * points)
