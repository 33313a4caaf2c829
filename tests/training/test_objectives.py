"""What objectives find and learn, held against equations written out here, and what they cost."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from sparring.attacks import PGD, Square
from sparring.domain import Domain
from sparring.draws import Draws, row_keys
from sparring.errors import UsageError
from sparring.threat import L2, Linf
from sparring.training import (
    Adversarial,
    Inner,
    Mart,
    Minibatch,
    NoisyStep,
    RandomStep,
    Trades,
    at_adversarial,
    fgsm_rs,
    mart,
    n_fgsm,
    pgd_at,
    trades,
    with_awp,
)

THREAT = Linf(0.1)


class Counting(nn.Module):
    """A small net that counts the samples it is shown, in training and in evaluation mode, and its backwards."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 16, 3)
        )
        self.forwards = self.backwards = 0

    def forward(self, inputs):
        self.forwards += len(inputs)
        outputs = self.body(inputs)
        if outputs.requires_grad:
            outputs.register_hook(self._passed)
        return outputs

    def _passed(self, gradient):
        self.backwards += len(gradient)


def minibatch_of(count=16, done=0.5):
    inputs = torch.rand(count, 1, 6, 6, generator=torch.Generator().manual_seed(2))
    draws = Draws(row_keys(0, [str(row) for row in range(count)]))
    return Minibatch(inputs, torch.arange(count) % 3, draws, Domain(0.0, 1.0, None, (1, 6, 6)), done)


COSTS = {
    "pgd": (pgd_at(THREAT), 11, 11),
    "pgd-3": (pgd_at(THREAT, PGD(3)), 4, 4),
    "trades": (trades(THREAT), 13, 12),
    "mart": (mart(THREAT), 12, 12),
    "n-fgsm": (n_fgsm(THREAT), 2, 2),
    "fgsm-rs": (fgsm_rs(THREAT), 2, 2),
    "l2": (pgd_at(L2(0.5)), 11, 11),
    "awp": (with_awp(pgd_at(THREAT)), 12, 12),
    "square": (pgd_at(THREAT, Square(5)), 6, 1),
}


@pytest.mark.parametrize("name", COSTS)
def test_an_update_costs_what_it_says_and_leaves_the_model_as_it_was(name):
    objective, forwards, backwards = COSTS[name]
    model, minibatch = Counting().train(), minibatch_of()
    before = {name: each.clone() for name, each in model.named_parameters()}
    losses = objective(model, minibatch)
    assert all(each.grad is None for each in model.parameters()) and model.training and model.body.training
    losses.mean().backward()
    assert losses.shape == (16,) and losses.isfinite().all()
    assert (model.forwards, model.backwards) == (16 * forwards, 16 * backwards)
    assert all(torch.equal(before[name], each) for name, each in model.named_parameters())
    assert all(each.requires_grad and each.grad.isfinite().all() for each in model.parameters())


@pytest.mark.parametrize(
    "objective", [pgd_at(THREAT), trades(THREAT), mart(THREAT), fgsm_rs(THREAT), pgd_at(L2(0.5))]
)
def test_what_is_found_lies_in_the_threat_and_is_worse_than_the_clean_input(objective):
    model, minibatch = Counting().eval(), minibatch_of()
    found = objective.find(model, minibatch)
    bound = objective.find.threat.bind(minibatch.inputs, minibatch.domain)
    assert bound.contains(found, minibatch.inputs).all() and not found.requires_grad
    worse = cross_entropy(model(found), minibatch.labels) - cross_entropy(
        model(minibatch.inputs), minibatch.labels
    )
    assert worse > 0 or isinstance(objective.loss, Trades)  # which climbs the divergence, wherever that leads


def test_n_fgsm_goes_out_of_the_threat_but_not_of_the_range():
    model, minibatch = Counting().eval(), minibatch_of()
    found = n_fgsm(THREAT).find(model, minibatch)
    away = (found - minibatch.inputs).abs()
    assert 0.2 < away.max() <= 0.3 + 1e-6 and found.min() >= 0 and found.max() <= 1
    quiet = Inner(THREAT, NoisyStep(spread=0.0))(model, minibatch)
    inside = (minibatch.inputs > 0.1) & (minibatch.inputs < 0.9)
    assert torch.allclose((quiet - minibatch.inputs).abs()[inside], torch.tensor(0.1), atol=1e-6)
    short = Inner(THREAT, RandomStep(reach=0.0))(model, minibatch)
    assert 0.05 < (short - minibatch.inputs).abs().max() <= 0.1 + 1e-6


def test_an_attack_sees_each_row_alone_and_evaluation_mode():
    model, minibatch = Counting().train(), minibatch_of()
    statistics = model.body[1].running_mean.clone()
    whole = pgd_at(THREAT).find(model, minibatch)
    assert torch.equal(statistics, model.body[1].running_mean)
    half = replace(
        minibatch,
        inputs=minibatch.inputs[8:],
        labels=minibatch.labels[8:],
        draws=Draws(minibatch.draws.keys[8:]),
    )
    assert torch.equal(whole[8:], pgd_at(THREAT).find(model, half))


def test_eps_grows_over_the_warm_up():
    model = Counting().eval()
    sizes = []
    for done in (0.0, 0.2, 0.4, 0.9):
        minibatch = minibatch_of(done=done)
        found = pgd_at(THREAT, warm_up=0.4).find(model, minibatch)
        sizes.append(float((found - minibatch.inputs).abs().max()))
    assert sizes == pytest.approx([0.002, 0.05, 0.1, 0.1], abs=1e-5)
    with pytest.raises(UsageError, match="share of the training"):
        pgd_at(THREAT, warm_up=2)


def far_apart():
    """A model, samples, and others that it answers quite differently."""
    model, minibatch = Counting().eval(), minibatch_of()
    with torch.no_grad():
        model.body[-1].weight *= 5
    return model, minibatch, 1 - minibatch.inputs


def test_trades_by_its_equation():
    model, minibatch, other = far_apart()
    p, q = model(minibatch.inputs).softmax(1), model(other).softmax(1)
    expected = cross_entropy(p.log(), minibatch.labels, reduction="none") + 3 * (p * (p / q).log()).sum(1)
    assert torch.allclose(Trades(3)(model, minibatch, other), expected, rtol=1e-4)


def test_mart_by_its_equation():
    model, minibatch, other = far_apart()
    p, q = model(minibatch.inputs).softmax(1), model(other).softmax(1)
    rows, labels = torch.arange(16), minibatch.labels
    rest = q.clone()
    rest[rows, labels] = 0
    boosted = -q[rows, labels].log() - (1 - rest.amax(1)).log()
    expected = boosted + 2 * (p * (p / q).log()).sum(1) * (1 - p[rows, labels])
    assert torch.allclose(Mart(2)(model, minibatch, other), expected, atol=1e-5)


@pytest.mark.parametrize("loss", [Trades(), Mart(), at_adversarial])
def test_losses_and_slopes_stay_numbers_where_probabilities_underflow(loss):
    model, minibatch = Counting().train(), minibatch_of()
    with torch.no_grad():
        model.body[-1].weight *= 1e4
    losses = loss(model, minibatch, (minibatch.inputs + 0.1).clamp(0, 1))
    losses.mean().backward()
    assert losses.isfinite().all() and all(each.grad.isfinite().all() for each in model.parameters())


def test_awp_learns_at_weights_moved_uphill_and_counts_batches_once():
    objective = Adversarial(lambda model, minibatch: minibatch.inputs, at_adversarial)
    minibatch, plain_model, moved_model = minibatch_of(), Counting().train(), Counting().train()
    at_home = objective(plain_model, minibatch)
    moved = with_awp(objective, size=0.05)(moved_model, minibatch)
    assert moved.mean() > at_home.mean() + 0.01
    assert moved_model.body[1].num_batches_tracked == 1
    assert torch.allclose(with_awp(objective, size=0.0)(Counting().train(), minibatch), at_home)
    at_home.mean().backward()
    moved.mean().backward()
    assert not torch.allclose(plain_model.body[0].weight.grad, moved_model.body[0].weight.grad)
