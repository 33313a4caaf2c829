"""Other backward passes: the answers stay what they are, only gradients change."""

import torch
import torch.nn.functional as F
from torch import nn

from sparring.transfer.backward_rules import Backward, attention_kept, relu_softened

POINTS = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))


def _gradient(model, points):
    points = points.clone().requires_grad_()
    outputs = model(points)
    return outputs.detach(), torch.autograd.grad(outputs.sum(), points)[0]


def _net(inplace=False):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(inplace), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
    ).eval()


def test_answers_are_the_same_and_gradients_are_not():
    for net in (_net(), _net(inplace=True)):
        answers, plain = _gradient(net, POINTS)
        same, soft = _gradient(Backward(net, relu_softened), POINTS)
        assert torch.equal(answers, same)
        assert not torch.allclose(plain, soft)


def test_a_relu_passes_gradients_as_a_silu():
    points = torch.linspace(-3, 3, 13)[:, None]
    _, soft = _gradient(Backward(F.relu, relu_softened), points)
    _, wanted = _gradient(F.silu, points)
    assert torch.allclose(soft, wanted)


def test_a_maximum_spreads_its_gradient_over_the_window():
    pool = lambda points: F.max_pool2d(points, 2)  # noqa: E731  (a function that the rule sees inside)
    _, hard = _gradient(pool, POINTS)
    _, soft = _gradient(Backward(pool, relu_softened), POINTS)
    assert torch.allclose(soft.sum(), hard.sum(), rtol=0.5)
    assert int((soft != 0).sum()) > int((hard != 0).sum())


def test_an_exported_program_obeys_too():
    program = torch.export.export(_net(), (POINTS,)).module()
    _, module = _gradient(Backward(_net(), relu_softened), POINTS)
    _, exported = _gradient(Backward(program, relu_softened), POINTS)
    assert torch.allclose(module, exported, atol=1e-6)


def test_attention_weights_are_constants_going_back():
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(8, 2, batch_first=True).eval()

    def attend(points):
        return layer(points, points, points, need_weights=False)[0]

    points = torch.randn(2, 5, 8)
    answers, plain = _gradient(attend, points)
    same, kept = _gradient(Backward(attend, attention_kept), points)
    assert torch.allclose(answers, same, atol=1e-6)
    assert not torch.allclose(plain, kept)
    weights = layer(points, points, points, average_attn_weights=False)[1].detach()
    values = points.clone().requires_grad_()
    value = (
        F.linear(values, layer.in_proj_weight[16:], layer.in_proj_bias[16:]).view(2, 5, 2, 4).transpose(1, 2)
    )
    mixed = (weights @ value).transpose(1, 2).reshape(2, 5, 8)
    (wanted,) = torch.autograd.grad(layer.out_proj(mixed).sum(), values)
    assert torch.allclose(kept, wanted, atol=1e-5)


def test_without_gradients_the_model_itself_answers():
    seen = []

    def model(points):
        seen.append(points)
        return points

    with torch.no_grad():
        assert Backward(model, relu_softened)(POINTS) is seen[0] is POINTS
